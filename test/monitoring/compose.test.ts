import { spawnSync } from 'node:child_process';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { contentOf, repositoryFiles } from '../support/house/repository.ts';

type Service = {
  readonly image?: string;
  readonly build?: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>> | readonly string[];
  readonly stop_grace_period?: string;
};
type Compose = { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const compose = parse(contentOf('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const worker = compose.services['worker'];
const dockerfile = contentOf('Dockerfile');

const composeCommand = (...args: readonly string[]) =>
  spawnSync('docker', ['compose', ...args], { cwd: ROOT, encoding: 'utf8' });

it.runIf(composeCommand('version').status === 0)('docker compose takes the file, with every profile', () => {
  const { status, stderr } = composeCommand('--profile', 'observability', 'config', '--quiet');
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

it('the stores, Temporal and a worker start by default, the pictures on demand', () => {
  const byDefault = services.flatMap(([name, { profiles }]) => (profiles ? [] : [name]));
  expect(byDefault).toEqual(['v1-redis', 'nexten-redis', 'v2-redis', 'temporal', 'worker']);
  const onDemand = services.flatMap(([name, { profiles }]) => (profiles ? [[name, profiles]] : []));
  expect(onDemand).toEqual([
    ['prometheus', ['observability']],
    ['grafana', ['observability']],
  ]);
});

it('every image is pinned to a version', () => {
  const images = services.flatMap(([, { image }]) => (image ? [image] : []));
  expect(images.filter((image) => !/:v?\d+\.\d+\.\d+/.test(image))).toEqual([]);
  expect(worker).toMatchObject({ build: '.' });
});

it('the worker gets every variable that the shipped plan reads, by its name and to the same effect', () => {
  const plan = contentOf('plans/supersmartmatch.yaml').replace(/^\s*#.*$/gm, '');
  const read = new Set([...plan.matchAll(/\$\{([A-Z0-9_]+)(?::-[^}]*)?\}/g)].map(([, name = '']) => name));
  const given = worker?.environment ?? {};
  expect(Object.keys(given).sort()).toEqual([...read, 'TEMPORAL_ADDRESS'].sort());
  for (const [reference, name] of plan.matchAll(/\$\{([A-Z0-9_]+):-[^}]*\}/g))
    if (name !== 'NEXTEN_MODELS' && name !== 'BACKUP_DIR') expect(given[name ?? '']).toBe(reference);
});

it('the addresses of stores and Temporal are services of the file', () => {
  const hosts = Object.values(worker?.environment ?? {}).flatMap((value) => [
    ...value.matchAll(/(?:redis:\/\/|:-)([a-z0-9-]+):\d+/g),
  ]);
  const names = new Set(hosts.map(([, host]) => host));
  expect([...names].sort()).toEqual(['nexten-redis', 'temporal', 'v1-redis', 'v2-redis']);
  for (const name of names) expect(compose.services).toHaveProperty(name ?? '');
});

it('the worker waits until each store and Temporal is healthy, and each can say so', () => {
  const awaited = Object.entries(worker?.depends_on ?? {});
  expect(awaited.map(([name]) => name)).toEqual(['v1-redis', 'nexten-redis', 'v2-redis', 'temporal']);
  for (const [name, { condition }] of awaited) {
    expect(condition).toBe('service_healthy');
    expect(compose.services[name]?.healthcheck?.test[0]).toBe('CMD');
  }
});

it('every named volume is declared and used, every mounted path exists', () => {
  const sources = services.flatMap(([, { volumes = [] }]) =>
    volumes.map((volume) => volume.split(':')[0] ?? ''),
  );
  const named = sources.filter((source) => !source.startsWith('.'));
  expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
  for (const path of sources.filter((source) => source.startsWith('.')))
    expect(repositoryFiles().some((file) => file.startsWith(`${posix.normalize(path)}/`))).toBe(true);
});

it('no port is open to other machines', () => {
  const ports = services.flatMap(([, { ports: open = [] }]) => open);
  expect(ports.length).toBeGreaterThan(0);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
});

it('stores keep their data over a restart and evict nothing', () => {
  for (const name of ['v1-redis', 'nexten-redis', 'v2-redis']) {
    const { command = [], volumes = [] } = compose.services[name] ?? {};
    expect(command.join(' ')).toContain('--appendonly yes');
    expect(command.join(' ')).toContain('--maxmemory-policy noeviction');
    expect(volumes.map((volume) => volume.split(':')[1])).toEqual(['/data']);
  }
});

it('Prometheus scrapes the worker that the file starts', () => {
  type Config = { scrape_configs: { static_configs: { targets: string[] }[] }[] };
  const { scrape_configs } = parse(contentOf('monitoring/prometheus/prometheus.yml')) as Config;
  expect(scrape_configs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual([
    'worker:8080',
  ]);
  expect(worker?.ports).toEqual(['127.0.0.1:8080:8080']);
  // Without this option the worker listens on its own loopback, where no other container reaches it.
  expect(worker?.command?.join(' ')).toBe('node client/jday.mjs worker --metrics-address 0.0.0.0');
});

it('the worker has time to hand over before it is killed, and is no root', () => {
  expect(worker?.stop_grace_period).toBe('40s');
  const users = [...dockerfile.matchAll(/^USER (\S+)$/gm)].map(([, user]) => user);
  expect(users).toEqual(['node']);
});

it('the image is built of Debian slim, with what the lockfile says and a server for the proof of backups (L10)', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  expect(bases).toEqual(['node:20-bookworm-slim', 'node:20-bookworm-slim']);
  expect(dockerfile).toContain('RUN npm ci --omit=dev');
  expect(dockerfile).toMatch(/apt-get install .*redis-server/);
  expect(dockerfile).toMatch(/^HEALTHCHECK[^]*127\.0\.0\.1:8080\/healthz/m);
  expect(dockerfile).toContain('CMD ["node", "client/jday.mjs", "worker"]');
});

it('the image holds every file that the worker runs', () => {
  const ignored = contentOf('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('*'));
  const kept = (path: string) => !ignored.some((one) => path === one || path.startsWith(`${one}/`));
  const needed = [
    /^(client|workers|activities|workflows|domain|redis|servers|rehearsal|plans)\//,
    /^monitoring\/[a-z-/]*\.ts$/,
  ];
  const missing = repositoryFiles().filter(
    (path) => needed.some((one) => one.test(path)) && !path.startsWith('monitoring/grafana/') && !kept(path),
  );
  expect(missing).toEqual([]);
  for (const path of ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'])
    expect(kept(path)).toBe(true);
});

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { becomeReady, ServerNotStarted, startChild } from '../../../servers/child.ts';
import { freePort } from '../../../servers/free-port.ts';
import { findTool } from '../../../servers/tools.ts';

const OURS = fileURLToPath(new URL('../../../monitoring/prometheus/', import.meta.url));
const READY_DEADLINE_MS = 30_000;
const PORT_ATTEMPTS = 5;

export type PrometheusOptions = {
  /** Working folder: configuration, log, data. Created when missing. */
  readonly dir: string;
  /** `host:port` that it scrapes as job `jday`. */
  readonly target: string;
  /** Texts of the alert rules → what replaces them. Shorter times let a test wait for seconds instead of minutes. */
  readonly inAlerts?: Readonly<Record<string, string>>;
};

export type Found = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type Prometheus = {
  readonly url: string;
  /** Makes an instant query; empty = no data. */
  query(expr: string): Promise<readonly Found[]>;
  stop(): Promise<void>;
};

/** Starts a real Prometheus with our own rules. It scrapes and evaluates every second. */
export async function startPrometheus({
  dir,
  target,
  inAlerts = {},
}: PrometheusOptions): Promise<Prometheus> {
  const home = resolve(dir);
  mkdirSync(home, { recursive: true });
  cpSync(join(OURS, 'rules'), join(home, 'rules'), { recursive: true });
  rewrite(join(home, 'rules/alerts.yml'), inAlerts);
  writeFileSync(join(home, 'prometheus.yml'), configuration(target));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await launch(home, port);
    } catch (error) {
      const again = error instanceof ServerNotStarted && error.portTaken;
      if (!again || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function rewrite(file: string, replacements: Readonly<Record<string, string>>): void {
  let rules = readFileSync(file, 'utf8');
  for (const [text, instead] of Object.entries(replacements)) {
    if (!rules.includes(text)) throw new Error(`the alert rules do not say "${text}"`);
    rules = rules.replaceAll(text, instead);
  }
  writeFileSync(file, rules);
}

async function launch(home: string, port: number): Promise<Prometheus> {
  const url = `http://127.0.0.1:${port}`;
  const child = startChild({
    program: findTool('prometheus'),
    args: [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    cwd: home,
    logFile: join(home, 'prometheus.log'),
  });
  await becomeReady(child, 'prometheus', () => answers(`${url}/-/ready`), READY_DEADLINE_MS);
  return { url, query: (expr) => query(url, expr), stop: child.stop };
}

function configuration(target: string): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules/recording.yml', 'rules/alerts.yml'],
    scrape_configs: [{ job_name: 'jday', static_configs: [{ targets: [target] }] }],
  });
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

type Answer = {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { metric: Record<string, string>; value: readonly [number, string] }[];
  };
};

async function query(url: string, expr: string): Promise<readonly Found[]> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expr }),
  });
  const { error, data } = (await response.json()) as Answer;
  if (data === undefined) throw new Error(`${expr}: ${error}`);
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** The wall between the folders: who may import whom. See ARCHITECTURE.md. */
const rest = (...allowed) =>
  `^(${[
    'domain',
    'redis',
    'activities',
    'workflows',
    'workers',
    'client',
    'monitoring',
    'servers',
    'rehearsal',
    'bench',
    'test',
  ]
    .filter((folder) => !allowed.includes(folder))
    .join('|')})/`;

const only = (folder, allowed, extra = {}) => ({
  name: folder,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: rest(folder, ...allowed), ...extra },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-circular-folders', severity: 'error', scope: 'folder', from: {}, to: { circular: true } },
    {
      // The verifier must not believe what the copier believes.
      name: 'verifier-apart-from-the-copier',
      severity: 'error',
      from: { path: '^redis/verify/' },
      to: { path: '^redis/replication/' },
    },
    {
      name: 'pure',
      severity: 'error',
      from: { path: '^(domain|workflows)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'domain-needs-nothing',
      severity: 'error',
      from: { path: '^domain/' },
      to: { path: 'node_modules', pathNot: 'node_modules/zod' },
    },
    only('domain', []),
    only('redis', ['domain', 'servers']),
    only('monitoring', ['domain']),
    only('servers', []),
    only('workflows', ['domain']),
    only('activities', ['domain', 'redis', 'workflows', 'monitoring']),
    {
      name: 'activities-see-only-the-port',
      severity: 'error',
      from: { path: '^activities/' },
      to: { path: '^workflows/', pathNot: '^workflows/(activities|messages)\\.ts$' },
    },
    only('workers', ['domain', 'redis', 'activities', 'workflows', 'monitoring', 'servers']),
    only('client', ['domain', 'redis', 'workflows', 'workers', 'servers']),
    {
      name: 'client-sees-only-messages',
      severity: 'error',
      from: { path: '^client/' },
      to: {
        path: '^workflows/',
        pathNot: '^workflows/(messages|names)\\.ts$',
      },
    },
    only('rehearsal', ['domain', 'servers', 'client']),
    only('bench', ['domain', 'redis', 'servers']),
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '^(test|bench|\\.ci)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};

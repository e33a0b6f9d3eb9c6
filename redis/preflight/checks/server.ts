import { readClaim } from '../../../domain/authority/claim.ts';
import { CLAIM_KEY } from '../../../domain/keys/keyspace.ts';
import { readAuthority } from '../../state/authority.ts';
import { type AnswerKind, answerKind } from '../../client/server-answer.ts';
import { alert, green, reasonOf, red } from '../finding.ts';
import type { NamedCheck } from '../world.ts';

const ROUND_TRIPS = 20;
const SLOW_ROUND_TRIP_MS = 5;
const SMALL_BUFFER_BYTES = 32 << 20;

export const VERSION: NamedCheck = {
  name: 'version',
  scope: 'server',
  looksAt: 'the server’s version: absolute expiries and ACL DRYRUN need 7.0',
  look: async ({ info }) => {
    const version = info('redis_version');
    const expected = 'Redis 7.0 or later, or Valkey';
    if (Number.parseInt(version, 10) >= 7) return green(version, expected);
    return red(version || 'not told', expected, 'Upgrade this server before migrating.');
  },
};

export const ROLE: NamedCheck = {
  name: 'role',
  scope: 'server',
  looksAt: 'whether the server is a master: on a replica nothing can be written or fenced',
  look: async ({ info }) => {
    if (info('role') === 'master') return green('master', 'master');
    return red(info('role') || 'not told', 'master', 'Point the store’s URL at the master.');
  },
};

export const PERSISTENCE: NamedCheck = {
  name: 'persistence',
  scope: 'server',
  looksAt: 'whether the server has loaded its data and its last save went well: else it may refuse writes',
  look: async ({ info }) => {
    const expected = 'data loaded, last save and last append well';
    if (info('loading') === '1') return red('still loading its data', expected, 'Wait until it has loaded.');
    if (info('rdb_last_bgsave_status') === 'err' || info('aof_last_write_status') === 'err') {
      return red(
        'its last save failed',
        expected,
        'Make room on its disk; until then it may refuse every write.',
      );
    }
    return green(`AOF ${info('aof_enabled') === '1' ? 'on' : 'off'}`, expected);
  },
};

export const FORK_MEMORY: NamedCheck = {
  name: 'fork memory',
  scope: 'server',
  looksAt: 'memory left on its machine: a backup forks the server, which may copy up to all its memory',
  look: async ({ info }) => {
    const used = Number(info('used_memory'));
    const system = Number(info('total_system_memory'));
    const found = `${Math.round((100 * used) / Math.max(1, system))} % of the machine in use by its data`;
    if (used <= system / 2) return green(found, 'at most half');
    return alert(found, 'at most half', 'Take the backup at a quiet hour, or give the machine more memory.');
  },
};

export const ROUND_TRIP: NamedCheck = {
  name: 'round trip',
  scope: 'server',
  looksAt: 'the median of 20 PINGs: each step under the fence waits for some',
  look: async ({ redis }) => {
    const times: number[] = [];
    for (let i = 0; i < ROUND_TRIPS; i++) {
      const start = performance.now();
      await redis.ping();
      times.push(performance.now() - start);
    }
    const median = times.sort((one, other) => one - other)[ROUND_TRIPS / 2] ?? 0;
    const [found, expected] = [`${median.toFixed(1)} ms`, `≤ ${SLOW_ROUND_TRIP_MS} ms`];
    if (median <= SLOW_ROUND_TRIP_MS) return green(found, expected);
    return alert(found, expected, 'Run the worker nearer to this server.');
  },
};

/** Answers that stay as they are: whoever runs the server does not want us to know. */
const UNTOLD: readonly AnswerKind[] = ['denied', 'no such command'];

export const OUTPUT_BUFFER: NamedCheck = {
  name: 'output buffer',
  scope: 'server',
  looksAt:
    'client-output-buffer-limit pubsub: a feed that falls behind more is cut and everything re-scanned',
  look: async ({ redis }) => {
    const expected = `hard limit none or ≥ ${SMALL_BUFFER_BYTES >> 20} MB`;
    const reply = await redis.config('GET', 'client-output-buffer-limit').catch((error: unknown) => {
      if (!UNTOLD.includes(answerKind(error))) throw error;
      return reasonOf(error);
    });
    const hard = Number(/pubsub (\d+)/.exec(String(reply))?.[1] ?? Number.NaN);
    if (Number.isNaN(hard)) {
      const found = typeof reply === 'string' ? `cannot be read: ${reply}` : 'the server does not tell it';
      return alert(found, expected, 'Ask who runs this server for the limit.');
    }
    if (hard === 0 || hard >= SMALL_BUFFER_BYTES)
      return green(hard === 0 ? 'none' : `${hard >> 20} MB`, expected);
    const remedy = 'Run: CONFIG SET client-output-buffer-limit "pubsub 33554432 8388608 60"';
    return alert(`${hard} bytes`, expected, remedy);
  },
};

export const OTHER_DATABASES: NamedCheck = {
  name: 'other databases',
  scope: 'server',
  looksAt:
    'databases of the server that the plan does not name: backups hold them too, a flush there is seen here',
  look: async ({ redis, info, store }, { stores }) => {
    const runId = info('run_id');
    const there = stores.flatMap(({ servers }) => servers).filter((each) => each.info('run_id') === runId);
    const ours = new Set(there.map((each) => each.database));
    const used = [...(await redis.info('keyspace')).matchAll(/^db(\d+):/gm)].map((match) => Number(match[1]));
    const others = used.filter((database) => !ours.has(database));
    const expected = 'only databases of the plan hold keys';
    if (others.length === 0) return green('none', expected);
    const remedy = `Make sure that nobody flushes them during the migration, and that ${store.name}’s backups may hold them.`;
    return alert(`databases ${others.join(', ')} hold keys`, expected, remedy);
  },
};

export const CLAIM: NamedCheck = {
  name: 'claim',
  scope: 'store',
  looksAt:
    'whether another migration holds this database; whether V2 serves already, because one was completed',
  look: async ({ store, redis }, { plan }) => {
    const text = await redis.get(CLAIM_KEY);
    const expected = 'not held by another migration';
    const holder = text === null ? null : readClaim(text)?.migration;
    if (holder === null && store.side === 'target' && (await readAuthority(redis))?.side === 'target')
      return red(
        'V2 has the authority already: a migration over these stores was completed',
        expected,
        'If V1 shall serve again and be migrated anew, write its records first (docs/by-hand.md).',
      );
    if (holder === null || holder === plan.migration)
      return green(holder === null ? 'free' : 'ours', expected);
    // This is no red finding. Only the start itself can ask whether that migration still runs, and refuse.
    const name = /^[a-z0-9-]{1,40}$/.test(holder ?? '') ? holder : 'an unreadable name';
    return alert(
      `held by migration ${name}`,
      expected,
      `Look at it: jday progress --id jday-${name}; if it runs, abort it first.`,
    );
  },
};

import { type Base, MINUTE, md5, SECOND } from '../fill/base.ts';
import { jobList, resultText } from '../fill/documents.ts';
import { type Random, randomOf } from '../fill/random.ts';
import { session, sessionFields } from '../fill/v1.ts';
import type { Operation } from './operation.ts';
import { ownedBy } from './ownership.ts';
import { createPool, type Pool } from './pool.ts';
import type { Tally } from './tally.ts';
import type { Follow, Outcome, Target } from './traffic.ts';

const SESSION_MS = 30 * MINUTE;

type Fields = Extract<Operation, { do: 'hset' }>['fields'];
type Write = (target: Target, operation: (n: number) => Operation) => Promise<Outcome>;

/** V1's users: they log in, come back (which renews their session), log out, or walk away. */
export function sessionRequests(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'users');
  const seeded = ownedBy('v1', 'session', keys).map((index): Target => session(base, index));
  const pool = createPool(seeded, random.below);
  const write: Write = (target, operation) => {
    const n = tally.number();
    return follow({ n, target, operation: operation(n) });
  };
  return async () => {
    const dice = random.below(100);
    if (dice < 13) return login(pool, base, tally.number(), write);
    const target = pool.take();
    if (target === undefined) return;
    if (dice < 19) return void (await write(target, () => ({ do: 'del' })));
    if (dice < 24) return void (await write(target, () => walkAway(random)));
    const outcome = await renewed(target, write, dice < 40 ? (n) => rematched(random, n) : touched);
    if (outcome === 'done' || outcome === 'refused') pool.give(target);
  };
}

async function login(pool: Pool<Target>, base: Base, index: number, write: Write): Promise<void> {
  const target: Target = { home: 'v1', key: `session:${md5(base, 'login', index)}`, spelling: 'legacy' };
  const random = randomOf(base.seed, 'login', index);
  const outcome = await renewed(target, write, (n) => sessionFields(random, index, n, Date.now()));
  if (outcome === 'done') pool.give(target);
}

/** HSET, then PEXPIRE, as the service does: two commands, two acknowledgements. */
async function renewed(target: Target, write: Write, fields: (n: number) => Fields): Promise<Outcome> {
  const outcome = await write(target, (n) => ({ do: 'hset', fields: fields(n) }));
  return outcome === 'done' ? write(target, () => ({ do: 'expire', lifeMs: SESSION_MS })) : outcome;
}

function touched(n: number): Fields {
  return [
    ['last_activity', String(Date.now())],
    ['seq', String(n)],
  ];
}

function rematched(random: Random, n: number): Fields {
  return [
    ['{{jobs}}', jobList(random, `job-${n}`)],
    ['last_result', resultText(random, `job-${n}`, n)],
    ['seq', String(n)],
  ];
}

/** The session ends by itself in a few seconds, and nobody may bring it back. */
function walkAway(random: Random): Operation {
  return { do: 'expire', lifeMs: 2 * SECOND + random.below(4 * SECOND) };
}

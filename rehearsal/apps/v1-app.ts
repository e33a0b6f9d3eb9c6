import { type Base, md5, MINUTE, SECOND } from '../fill/base.ts';
import { candidateDocument, jobList, matchText, resultText } from '../fill/texts.ts';
import { type Random, randomOf } from '../fill/random.ts';
import { candidate, session, sessionFields } from '../fill/v1.ts';
import { metricsOf } from './metrics.ts';
import { ownedBy } from './ownership.ts';
import { createPool, type Pool } from './pool.ts';
import type { Tally } from './tally.ts';
import type { Follow, SendOutcome, Target } from './traffic.ts';
import type { Operation } from './record.ts';

/** SuperSmartMatch V1: it writes sessions, the match cache, candidates and metrics. One call is one request. */
export function v1App(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'v1-app');
  const users = sessionRequests(base, keys, tally, follow);
  const documents = documentRequests(base, keys, tally, follow);
  const metrics = metricsOf('v1', random, tally, follow);
  return () => {
    const dice = random.below(100);
    if (dice < 62) return users();
    return dice < 88 ? documents() : metrics();
  };
}

function documentRequests(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
  const random = randomOf(base.seed, 'v1-documents');
  const names = Array.from({ length: 150 }, (_, at) => `match:live:${at}`);
  const cache = createPool(
    names.map((key): Target => ({ home: 'v1', key, spelling: 'legacy' })),
    random.below,
  );
  const owned = [...ownedBy('v1', 'candidate', keys), ...ownedBy('contested', 'candidate', keys)];
  const candidates = createPool(
    owned.map((index): Target => candidate(base, index)),
    random.below,
  );
  const store = async (pool: Pool<Target>, content: (n: number) => string, lifeMs: number | null) => {
    const target = pool.take();
    if (target === undefined) return;
    const n = tally.number();
    const outcome = await follow({ n, target, operation: { do: 'set', content: content(n), lifeMs } });
    if (outcome !== 'unknown') pool.give(target);
  };
  return () =>
    random.below(100) < 54
      ? store(cache, (n) => matchText(random, `job-${n}`, n), 5 * SECOND + random.below(MINUTE))
      : store(candidates, (n) => candidateDocument(random, `job-${n}`, n), null);
}

const SESSION_MS = 30 * MINUTE;

type Fields = Extract<Operation, { do: 'hset' }>['fields'];
type Write = (target: Target, operation: (n: number) => Operation) => Promise<SendOutcome>;

/** V1's users. They log in, come back (which renews their session), log out, or walk away. */
function sessionRequests(base: Base, keys: number, tally: Tally, follow: Follow): () => Promise<void> {
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

/** HSET, then PEXPIRE, as the real service does: two commands with two acknowledgements. */
async function renewed(target: Target, write: Write, fields: (n: number) => Fields): Promise<SendOutcome> {
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

/** The session expires in a few seconds. The migration must not bring it back. */
function walkAway(random: Random): Operation {
  return { do: 'expire', lifeMs: 2 * SECOND + random.below(4 * SECOND) };
}

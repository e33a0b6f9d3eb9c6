import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../../domain/plan/plan.ts';

type Lines = Readonly<Record<Side, Redis>>;
type Book = {
  readonly produced: Set<string>;
  readonly acknowledged: Map<string, Side>;
  readonly handedAgain: string[];
};
/**
 * One round of work on the side that serves. `fresh`: the worker has just come to this side, so it takes up the jobs
 * that it had left there.
 */
type Round = (redis: Redis, book: (job: string) => Desk, fresh: boolean) => Promise<void>;
type Desk = { readonly handed: () => void; readonly acknowledged: (reply: unknown) => void };

const STREAM = 'jobs:stream';
const EVENTS = ['XADD', 'jobs:bull:events', 'MAXLEN', '~', '50', '*', 'event'] as const;
const EVENT = EVENTS.map((word) => `'${word}'`).join(', ');
const TAKE = `local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
  if id then redis.call(${EVENT}, 'active ' .. id) end
  return id`;
const FINISH = `if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
  redis.call('ZADD', 'jobs:bull:completed', 1, ARGV[1])
  redis.call(${EVENT}, 'completed ' .. ARGV[1])
  return 1`;
const ACKNOWLEDGE = `return redis.call('XACK', KEYS[1], 'workers', ARGV[1])`;

/**
 * A consumer of a stream group. It leaves one message of each batch pending until its next round. `scripted`: it
 * acknowledges by a script.
 */
function groupWorker(name: string, scripted: boolean): Round {
  const acknowledge = (redis: Redis, id: string) =>
    scripted ? redis.eval(ACKNOWLEDGE, 1, STREAM, id) : redis.xack(STREAM, 'workers', id);
  return async (redis, book) => {
    for (const from of ['0', '>']) {
      const reply = await redis.call('XREADGROUP', [
        'GROUP',
        'workers',
        name,
        'COUNT',
        '3',
        'STREAMS',
        STREAM,
        from,
      ]);
      const [[, entries = []] = ['', []]] = (reply ?? []) as [string, [string, string[]][]][];
      for (const [, [, job = '']] of entries) book(job).handed();
      for (const [id, [, job = '']] of from === '0' ? entries : entries.slice(1))
        book(job).acknowledged(await acknowledge(redis, id));
    }
  };
}

/** Like RQ: it moves a job from the queue to its own list, and removes the job there when it is done. */
function listWorker(name: string): Round {
  const own = `jobs:rq:started:${name}`;
  return async (redis, book, fresh) => {
    const job = await redis.lmove('jobs:rq:queue', own, 'RIGHT', 'LEFT');
    const jobs = fresh ? await redis.lrange(own, 0, -1) : job === null ? [] : [job];
    for (const one of jobs) {
      book(one).handed();
      book(one).acknowledged(await redis.lrem(own, 0, one));
    }
  };
}

/** Like BullMQ: its scripts move a job and report that in a stream, which is trimmed. */
function scriptWorker(name: string): Round {
  const own = `jobs:bull:active:${name}`;
  return async (redis, book, fresh) => {
    const job = (await redis.eval(TAKE, 2, 'jobs:bull:wait', own)) as string | null;
    const jobs = fresh ? await redis.lrange(own, 0, -1) : job === null ? [] : [job];
    for (const one of jobs) {
      book(one).handed();
      book(one).acknowledged(await redis.eval(FINISH, 1, own, one));
    }
  };
}

function producer(): Round {
  let made = 0;
  return async (redis, book) => {
    made++;
    const [streamed, listed, scripted] = ['s', 'l', 'b'].map((kind) => `${kind}${made}`) as [
      string,
      string,
      string,
    ];
    await redis.xadd(STREAM, '*', 'job', streamed);
    book(streamed).handed();
    await redis.lpush('jobs:rq:queue', listed);
    book(listed).handed();
    await redis.lpush('jobs:bull:wait', scripted);
    book(scripted).handed();
    await delay(3);
  };
}

/**
 * Starts workers of three kinds of queue, and a producer. Each of them works on the side that `jday:authority` names.
 * When a command is refused, it reads the authority again.
 *
 * `open` counts the jobs that are produced and not done. `handedAgain` names the jobs that a worker got after they were
 * acknowledged. `produceNoMore` ends only the production.
 */
export function startFleet(lines: (name: string) => Promise<Lines>) {
  const book: Book = { produced: new Set(), acknowledged: new Map(), handedAgain: [] };
  const making = new AbortController();
  const working = new AbortController();
  const worker = (job: string, side: Side): Desk => ({
    handed: () => void (book.acknowledged.has(job) && book.handedAgain.push(job)),
    acknowledged: (reply) => void (Number(reply) > 0 && book.acknowledged.set(job, side)),
  });
  const maker = (job: string): Desk => ({
    handed: () => void book.produced.add(job),
    acknowledged: () => undefined,
  });
  const lives = [
    live(lines, 'producer', producer(), maker, making.signal),
    ...['one', 'two', 'three'].map((name, i) =>
      live(lines, name, groupWorker(name, i % 2 === 0), worker, working.signal),
    ),
    ...['one', 'two'].map((name) => live(lines, `list ${name}`, listWorker(name), worker, working.signal)),
    ...['one', 'two'].map((name) =>
      live(lines, `script ${name}`, scriptWorker(name), worker, working.signal),
    ),
  ];
  const all = Promise.all(lives);
  all.catch(() => undefined);
  return {
    done: (side: Side) => [...book.acknowledged.values()].filter((one) => one === side).length,
    handedAgain: () => book.handedAgain,
    open: () => [...book.produced].filter((job) => !book.acknowledged.has(job)).length,
    produceNoMore: () => making.abort(),
    stop: async () => {
      making.abort();
      working.abort();
      await all;
    },
  };
}

async function live(
  open: (name: string) => Promise<Lines>,
  name: string,
  round: Round,
  desk: (job: string, side: Side) => Desk,
  signal: AbortSignal,
): Promise<void> {
  const lines = await open(name);
  let [side, fresh] = ['source' as Side, true];
  while (!signal.aborted) {
    try {
      await round(lines[side], (job) => desk(job, side), fresh);
      fresh = false;
      await delay(1);
    } catch (error) {
      if (!/NOPERM|can't run this command|no permissions to run|UNBLOCKED/.test(String(error))) throw error;
      side = await servingSide(lines);
      fresh = true;
    }
  }
}

/** Returns the side that serves, as an app with access to both sides reads it: the newer epoch counts. */
export async function servingSide(lines: Lines): Promise<Side> {
  const [one, other] = await Promise.all(
    [lines.source, lines.target].map((redis) => redis.hmget('jday:authority', 'authority', 'epoch')),
  );
  const newer = Number(one?.[1] ?? 0) >= Number(other?.[1] ?? 0) ? one : other;
  return newer?.[0] === 'target' ? 'target' : 'source';
}

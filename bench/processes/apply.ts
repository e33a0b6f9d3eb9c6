import type { Redis } from 'ioredis';
import {
  blindPipeline,
  type Candidate,
  engine,
  leaseAndRestore,
  type Read,
  watchAndMulti,
} from '../candidates.ts';
import { connectTo } from '../connection.ts';
import { KEY_PREFIX } from '../data-set.ts';
import { serve } from './serve.ts';

const CANDIDATES = { blindPipeline, watchAndMulti, leaseAndRestore, engine } as const satisfies Record<
  string,
  Candidate
>;
export type CandidateName = keyof typeof CANDIDATES;

export type ApplyInput = {
  readonly source: string;
  readonly target: string;
  readonly candidate: CandidateName;
  readonly batch: number;
};
/** `echoes`: the events of our own writes that came back. A sync has to look at each of these keys once more. */
export type Applied = { readonly echoes: number };

const COUNT = 1_000;

serve<ApplyInput, never, Applied>(async (input) => {
  const source = await connectTo(input.source);
  const [tracked, subscriber] = [await connectTo(input.target), await connectTo(input.target)];
  const echoes = await track(tracked, subscriber);
  await tracked.set('jday:bench:lease', '1');
  const apply = await CANDIDATES[input.candidate]({ tracked, lease: 'jday:bench:lease' });
  for await (const page of pages(source)) {
    for (let i = 0; i < page.length; i += input.batch) await apply(page.slice(i, i + input.batch));
  }
  await subscriber.ping();
  return { echoes: echoes() };
});

async function track(tracked: Redis, subscriber: Redis): Promise<() => number> {
  let echoes = 0;
  subscriber.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
    echoes += keys?.length ?? 0;
  });
  const id = String(await subscriber.client('ID'));
  await subscriber.subscribe('__redis__:invalidate');
  await tracked.call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', KEY_PREFIX, 'NOLOOP']);
  return () => echoes;
}

async function* pages(source: Redis): AsyncGenerator<readonly Read[]> {
  let cursor = '0';
  do {
    const [next, keys] = (await source.callBuffer('SCAN', [cursor, 'COUNT', COUNT])) as [Buffer, Buffer[]];
    cursor = next.toString();
    const pipeline = source.pipeline();
    for (const key of keys) pipeline.dumpBuffer(key).pexpiretime(key);
    const replies = (await pipeline.exec()) ?? [];
    yield keys.map((key, i) => ({
      key,
      dump: replies[2 * i]?.[1] as Buffer,
      expireAt: Math.max(0, Number(replies[2 * i + 1]?.[1])),
    }));
  } while (cursor !== '0');
}

import type { ChainableCommander, Redis } from 'ioredis';
import type { Entry, Home } from '../entry.ts';
import { render, renderText } from '../form.ts';

const BATCH = 500;

/** Writes entries into the stores where they are at home, in V1's form, or V2's for V2's own. */
export async function writeEntries(
  stores: Readonly<Record<Home, Redis>>,
  entries: Iterable<Entry>,
): Promise<Readonly<Record<Home, number>>> {
  const written = { v1: 0, nexten: 0, v2: 0 };
  const batches = { v1: stores.v1.pipeline(), nexten: stores.nexten.pipeline(), v2: stores.v2.pipeline() };
  for (const entry of entries) {
    addTo(batches[entry.home], entry);
    written[entry.home]++;
    if (batches[entry.home].length < BATCH) continue;
    await send(batches[entry.home]);
    batches[entry.home] = stores[entry.home].pipeline();
  }
  for (const batch of Object.values(batches)) await send(batch);
  return written;
}

function addTo(batch: ChainableCommander, { home, key, spelling, value, expiresAt }: Entry): void {
  const look = { form: home === 'v2' ? 'target' : 'source', spelling } as const;
  const name = Buffer.from(key, 'latin1');
  switch (value.type) {
    case 'string':
      batch.set(name, render(value.content, look));
      break;
    case 'hash':
      batch.hset(
        name,
        new Map(value.fields.map(([field, content]) => [renderText(field, look), render(content, look)])),
      );
      break;
    case 'zset':
      batch.zadd(name, ...value.members.flatMap(([member, score]) => [String(score), member]));
      break;
    case 'set':
      batch.sadd(name, ...value.members);
      break;
    case 'list':
      batch.rpush(name, ...value.items.map((item) => render(item, look)));
      break;
  }
  if (expiresAt !== null) batch.pexpireat(name, expiresAt);
}

async function send(batch: ChainableCommander): Promise<void> {
  const replies = (await batch.exec()) ?? [];
  const failed = replies.find(([error]) => error !== null);
  if (failed?.[0]) throw failed[0];
}

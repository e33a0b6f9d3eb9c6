import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { WriteRecord } from '../apps/record.ts';

/** A record of the journal begins with the expiry in this many bytes; the DUMP of the losing value follows. */
const EXPIRY_BYTES = 8;
const SCRATCH_DATABASE = 15;
const SCRATCH_KEY = 'rehearsal:loser';

/**
 * Reads the conflict journals that the migration has saved beside its backups. It restores each losing value in the way
 * an operator would. Every document ends in the number of its write, so the result can say which writes the journals
 * hold.
 *
 * @param server the administrator's connection to a server whose database 15 is unused
 * @returns whether the journals hold a write
 */
export async function readJournals(
  backups: string,
  server: Redis,
): Promise<(record: WriteRecord) => boolean> {
  const numbers = new Set<number>();
  const scratch = server.duplicate({ db: SCRATCH_DATABASE, lazyConnect: true });
  scratch.on('error', () => {});
  await scratch.connect();
  try {
    for (const dump of savedLosers(backups)) {
      await scratch.restore(SCRATCH_KEY, 0, dump, 'REPLACE');
      for (const number of await numbersIn(scratch)) numbers.add(number);
    }
    await scratch.del(SCRATCH_KEY);
  } finally {
    scratch.disconnect();
  }
  return (record) => numbers.has(record.n);
}

function savedLosers(backups: string): Buffer[] {
  if (!existsSync(backups)) return [];
  const files = readdirSync(backups).filter((name) => /-journal-.*\.jsonl$/.test(name));
  return files.flatMap((name) =>
    readFileSync(join(backups, name), 'utf8').split('\n').filter(Boolean).map(loserOf),
  );
}

function loserOf(line: string): Buffer {
  const { record } = JSON.parse(line) as { record: string };
  return Buffer.from(record, 'base64').subarray(EXPIRY_BYTES);
}

async function numbersIn(scratch: Redis): Promise<number[]> {
  if ((await scratch.type(SCRATCH_KEY)) !== 'string') return [];
  const text = (await scratch.get(SCRATCH_KEY)) ?? '';
  return [...text.matchAll(/"seq":(\d+)/g)].map(([, number]) => Number(number));
}

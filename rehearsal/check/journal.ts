import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { WriteRecord } from '../apps/record.ts';

/** Before the DUMP of the loser stands its expiry. */
const EXPIRY_BYTES = 8;
const SCRATCH_DATABASE = 15;
const SCRATCH_KEY = 'rehearsal:loser';

/**
 * Reads the journals of conflicts that the migration saved beside its backups, by the same way an operator would
 * restore a loser, and says which writes are in there: each document ends in its own number.
 *
 * @param server administrator on a server whose database 15 is nobody's
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

import { connectTo } from '../connection.ts';
import { serve } from './serve.ts';

export type PipelineCopyInput = { readonly source: string; readonly target: string };

const COUNT = 1_000;

/** The simplest copy: SCAN, a pipeline of DUMP and PEXPIRETIME, a pipeline of RESTORE. It records nothing. */
serve<PipelineCopyInput, never, null>(async (input) => {
  const [source, target] = await Promise.all([connectTo(input.source), connectTo(input.target)]);
  let cursor = '0';
  do {
    const [next, keys] = await source.scan(cursor, 'COUNT', COUNT);
    cursor = next;
    const dumps = source.pipeline();
    for (const key of keys) dumps.dumpBuffer(key).pexpiretime(key);
    const replies = (await dumps.exec()) ?? [];
    const restores = target.pipeline();
    for (const [i, key] of keys.entries()) {
      const [dump, expireAt] = [replies[2 * i]?.[1] as Buffer, Number(replies[2 * i + 1]?.[1])];
      restores.restore(key, Math.max(0, expireAt), dump, 'REPLACE', 'ABSTTL');
    }
    await restores.exec();
  } while (cursor !== '0');
  source.disconnect();
  target.disconnect();
  return null;
});

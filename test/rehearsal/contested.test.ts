import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WriteRecord } from '../../rehearsal/apps/record.ts';
import { isContested, mayStand } from '../../rehearsal/check/check.ts';
import { historyId, replay } from '../../rehearsal/check/history.ts';
import { readJournals } from '../../rehearsal/check/journal.ts';
import { withRedis } from '../support/servers/redis.ts';
import { withTempDir } from '../support/temp-dir.ts';

const redis = withRedis();
const dir = withTempDir();

const KEY = 'candidate:1';

function write(n: number, app: WriteRecord['app'], sentAt: number, answeredAt: number): WriteRecord {
  const side = app === 'canary' ? 'target' : 'source';
  const operation = { do: 'set', content: `{"seq":${n}}`, lifeMs: null } as const;
  return {
    n,
    app,
    home: 'v1',
    key: KEY,
    spelling: 'legacy',
    side,
    operation,
    sentAt,
    answeredAt,
    fate: 'ok',
  };
}

function standing(
  records: readonly WriteRecord[],
  journaled: readonly number[] = [],
): (number | undefined)[] {
  const history = replay([], records).get(historyId('v1', KEY));
  if (history === undefined) throw new Error('no history');
  const inJournal = (record: WriteRecord) => journaled.includes(record.n);
  return mayStand(history, Number.POSITIVE_INFINITY, inJournal).map(({ record }) => record?.n);
}

describe('a key that V1 and the canary write at the same time', () => {
  it('is contested; a key with one writer is not', () => {
    const both = replay([], [write(1, 'v1', 0, 5), write(2, 'canary', 10, 15)]).get(historyId('v1', KEY));
    const one = replay([], [write(1, 'v1', 0, 5), write(2, 'v1', 10, 15)]).get(historyId('v1', KEY));
    expect([both, one].map((history) => history && isContested(history))).toEqual([true, false]);
  });

  it('ends as the later write left it', () => {
    expect(standing([write(1, 'v1', 0, 5), write(2, 'canary', 10, 15)])).toEqual([2]);
    expect(standing([write(1, 'canary', 0, 5), write(2, 'v1', 10, 15)])).toEqual([2]);
  });

  it('may end either way when the writes overlap', () => {
    expect(standing([write(1, 'v1', 0, 12), write(2, 'canary', 10, 15)])).toEqual([1, 2]);
  });

  it('L2: may end as V1 left it although the canary wrote later, only if the journal holds the canary’s write', () => {
    const records = [write(1, 'v1', 0, 5), write(2, 'canary', 10, 15)];
    expect(standing(records, [2])).toEqual([1, 2]);
    expect(standing(records, [])).toEqual([2]);
  });

  it('never ends as the canary left it when V1 wrote later, journal or not', () => {
    expect(standing([write(1, 'canary', 0, 5), write(2, 'v1', 10, 15)], [1, 2])).toEqual([2]);
  });
});

describe('the journal of conflicts', () => {
  it('is read from the files beside the backups, and a loser in it is found by its number', async () => {
    await redis.client.set('loser', `{"nom":"Éloïse","seq":41}${' '.repeat(500)}`);
    const dump = (await redis.client.dumpBuffer('loser')) as Buffer;
    const record = Buffer.concat([Buffer.alloc(8), dump]).toString('base64');
    mkdirSync(dir.path, { recursive: true });
    writeFileSync(
      join(dir.path, 'supersmartmatch-journal-v2-v1.jsonl'),
      `${JSON.stringify({ field: '', record })}\n`,
    );
    const journaled = await readJournals(dir.path, redis.client);
    expect([41, 42].map((n) => journaled(write(n, 'canary', 0, 1)))).toEqual([true, false]);
    expect(await redis.client.dbsize()).toBe(1);
    expect(await redis.client.info('keyspace')).not.toContain('db15');
  });

  it('without any file holds nothing', async () => {
    const journaled = await readJournals(join(dir.path, 'none'), redis.client);
    expect(journaled(write(41, 'canary', 0, 1))).toBe(false);
  });
});

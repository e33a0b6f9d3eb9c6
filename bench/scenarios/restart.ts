import { setTimeout as delay } from 'node:timers/promises';
import {
  begin,
  claimForBench,
  endSync,
  openSync,
  scanned,
  settled,
  type SyncProcess,
} from '../contenders/jday.ts';
import { assertSame, Differs } from '../end-check.ts';
import { directionsOf } from '../load.ts';
import { benchPlan } from '../plan.ts';
import type { PipelineCopyInput } from '../processes/pipeline-copy.ts';
import type { Probed, ProbeInput } from '../processes/probe.ts';
import type { WriterInput, WriterReport } from '../processes/writer.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import type { Stage, StagedServer } from '../stage.ts';

const WRITES_PER_SECOND = 1_000;
const LOOKS_PER_SECOND = 100;
/** A marker with a longer lag had to wait for the new process. */
const HELD_UP_MS = 100;
const LOAD_SECONDS = 240;

/** The number of keys for which the budget limits the time of a recovery. */
const RECOVERED_KEYS = 300_000;

/** After a restart our sync compares every key with the ledger. A tool without a ledger copies everything again. */
export function restartScenarios({ quick, keys }: Sizes): readonly Scenario[] {
  const recovered = quick ? keys : RECOVERED_KEYS;
  const shared = { deadlineMs: 120_000 + Math.max(keys, recovered) };
  return [
    {
      ...shared,
      name: 'rescan',
      group: 'rescan',
      question: `a sync of ${keys} keys begins again, nothing changed meanwhile`,
      figures: [
        { name: 'seconds', unit: 's', better: 'less' },
        { name: 'keysPerSecond', unit: 'keys/s', better: 'more' },
      ],
      contenders: [
        { name: 'jday', run: (stage) => rescan(stage, keys) },
        { name: 'pipelines', run: (stage) => copyAgain(stage, keys) },
      ],
    },
    {
      ...shared,
      name: 'recovery',
      group: 'recovery',
      question: `kill -9 of the sync of ${recovered} keys under ${WRITES_PER_SECOND} writes/s, until all is synced again; start of the new process included`,
      figures: [
        { name: 'seconds', unit: 's', better: 'less' },
        { name: 'processStartSeconds', unit: 's', better: 'less' },
      ],
      contenders: [{ name: 'jday', run: (stage) => recovery(stage, recovered) }],
    },
  ];
}

const PLAN = benchPlan('none');

async function synced(stage: Stage, keys: number) {
  const { source, target } = await stage.pair({ keys, form: 'offers' }, null);
  await claimForBench(source, target);
  const sync = await openSync(stage);
  begin(sync, PLAN, source, target);
  await settled(sync);
  return { source, target, sync };
}

async function rescan(stage: Stage, keys: number): Promise<Figures> {
  const { source, target, sync } = await synced(stage, keys);
  await sync.stop();
  const next = await openSync(stage);
  const began = epochMs();
  begin(next, PLAN, source, target, true);
  const seconds = ((await scanned(next)) - began) / 1_000;
  await assertSame(source.redis, target.redis, 'same');
  await endSync(stage, next);
  return { seconds, keysPerSecond: keys / seconds };
}

async function copyAgain(stage: Stage, keys: number): Promise<Figures> {
  const seed = { keys, form: 'offers' } as const;
  const { source, target } = await stage.pair(seed, seed);
  const copy = stage.process<PipelineCopyInput, never, null>('pipeline-copy');
  await copy.ready;
  const began = performance.now();
  copy.begin({ source: source.server.url(), target: target.server.url() });
  await copy.result;
  const seconds = (performance.now() - began) / 1_000;
  await assertSame(source.redis, target.redis, 'same');
  return { seconds, keysPerSecond: keys / seconds };
}

async function recovery(stage: Stage, keys: number): Promise<Figures> {
  const { source, target, sync } = await synced(stage, keys);
  const load = await startLoad(stage, source, target, keys);
  await delay(1_000);
  const killedAt = epochMs();
  sync.kill();
  const next: SyncProcess = await openSync(stage);
  const startedAt = epochMs();
  begin(next, PLAN, source, target, true);
  const scannedAt = await scanned(next);
  // Let the load go on for a moment, so that a change that is stuck behind the scan shows.
  await delay(500);
  const { markers, lost } = await load.end();
  if (lost > 0) throw new Differs(`${lost} markers did not arrive`);
  const heldUp = markers.filter(
    ({ sentAt, seenAt }) => sentAt >= killedAt - 1_000 && seenAt - sentAt > HELD_UP_MS,
  );
  const syncedAt = Math.max(scannedAt, ...heldUp.map(({ seenAt }) => seenAt));
  await assertSame(source.redis, target.redis, 'same');
  await endSync(stage, next);
  return { seconds: (syncedAt - killedAt) / 1_000, processStartSeconds: (startedAt - killedAt) / 1_000 };
}

async function startLoad(stage: Stage, source: StagedServer, target: StagedServer, keys: number) {
  const writer = stage.process<WriterInput, never, WriterReport>('writer');
  const probe = stage.process<ProbeInput, 'open', Probed>('probe');
  await Promise.all([writer.ready, probe.ready]);
  const url = source.server.url();
  writer.begin({
    streams: [{ url, perSecond: WRITES_PER_SECOND, first: 0, of: 1 }],
    keys,
    seconds: LOAD_SECONDS,
  });
  const directions = directionsOf({ source, target, ways: 'one' });
  probe.begin({ directions, perSecond: LOOKS_PER_SECOND, seconds: LOAD_SECONDS });
  return {
    end: async () => {
      const [probed] = await Promise.all([probe.stop(), writer.stop()]);
      return probed;
    },
  };
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

import { setTimeout as delay } from 'node:timers/promises';
import { jdaySwitchable, nativeSwitchable, type Switchable } from '../contenders/switching.ts';
import { assertSame, Differs } from '../end-check.ts';
import type { Followed, FollowingInput, Tried } from '../processes/following-writer.ts';
import type { Figures, Scenario, Sizes } from '../scenario.ts';
import type { Stage, StagedServer } from '../stage.ts';

const FIGURES = [
  { name: 'cutoverBlockedMs', unit: 'ms', better: 'less' },
  { name: 'cutoverWholeMs', unit: 'ms', better: 'less' },
  { name: 'rollbackBlockedMs', unit: 'ms', better: 'less' },
  { name: 'rollbackWholeMs', unit: 'ms', better: 'less' },
] as const;

const WRITES_PER_SECOND = 1_000;
/** The switch of native replication does not depend on the amount of data. Two sizes show that. */
const MOST_NATIVE_KEYS = 100_000;

/**
 * Cutover and rollback under load, with different amounts of data. The wait of the apps must not grow with the data.
 */
export function fenceScenarios({ quick, keys }: Sizes): readonly Scenario[] {
  const sizes = quick ? [keys] : [10_000, 100_000, 1_000_000];
  return sizes.map((size) => ({
    name: `fence-${size}`,
    group: 'fence',
    question: `cutover and rollback of ${size} keys; longest wait of an outside writer of ${WRITES_PER_SECOND} writes/s`,
    figures: FIGURES,
    deadlineMs: 120_000 + size,
    contenders: [
      {
        name: 'jday',
        run: (stage) => run(stage, size, quick, (source, target) => jdaySwitchable(stage, source, target)),
      },
      ...(size <= MOST_NATIVE_KEYS
        ? [{ name: 'native', run: (stage: Stage) => run(stage, size, quick, nativeSwitchable) }]
        : []),
    ],
  }));
}

async function run(
  stage: Stage,
  keys: number,
  quick: boolean,
  open: (source: StagedServer, target: StagedServer) => Promise<Switchable>,
): Promise<Figures> {
  const { source, target } = await stage.pair({ keys, form: 'offers' }, null);
  const pair = await open(source, target);
  const writer = stage.process<FollowingInput, never, Followed>('following-writer');
  await writer.ready;
  writer.begin({ urls: pair.urls, follow: pair.follow, perSecond: WRITES_PER_SECOND });
  const rest = () => delay(quick ? 300 : 2_000);
  await rest();
  const cutover = await timed(() => pair.move('target'));
  await rest();
  const rollback = await timed(() => pair.move('source'));
  await rest();
  const { writes, acknowledged } = await writer.stop();
  await assertSame(source.redis, target.redis, 'same');
  await assertAcknowledged(source, acknowledged);
  await pair.end();
  return {
    cutoverBlockedMs: longestWait(writes, cutover),
    cutoverWholeMs: cutover.to - cutover.from,
    rollbackBlockedMs: longestWait(writes, rollback),
    rollbackWholeMs: rollback.to - rollback.from,
  };
}

type Period = { readonly from: number; readonly to: number };

async function timed(act: () => Promise<void>): Promise<Period> {
  const from = performance.timeOrigin + performance.now();
  await act();
  return { from, to: performance.timeOrigin + performance.now() };
}

/**
 * Returns the longest wait of the writes that the switch affected, ms. Those are the writes that were first tried
 * during the switch, or that had no answer when it began.
 *
 * @throws Error no write met it
 */
function longestWait(writes: readonly Tried[], { from, to }: Period): number {
  const met = writes.filter(({ atMs, waitMs }) => atMs <= to && atMs + waitMs >= from);
  if (met.length === 0) throw new Error('no write met the switch, so nothing is known of its wait');
  return Math.max(...met.map(({ waitMs }) => waitMs));
}

async function assertAcknowledged(
  { redis }: StagedServer,
  acknowledged: Followed['acknowledged'],
): Promise<void> {
  const keys = Object.keys(acknowledged);
  const values = await redis.mget(keys);
  const lost = keys.filter((key, i) => acknowledged[key] !== values[i]).length;
  if (keys.length === 0 || lost > 0) throw new Differs(`${lost} of ${keys.length} acknowledged writes lost`);
}

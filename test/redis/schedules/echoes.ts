import { monitor } from '../../support/monitor.ts';
import type { Violation } from './judge.ts';
import type { World } from './world.ts';

/** A state or a ledger entry that our scripts write; the entry of a key that expired just now may go. */
const ECHO =
  / lua\] "(?:restore|set|hset|hsetnx|unlink|pexpireat|rename)" "(?!jday:)|"hset" "jday:[^"]*:ledger:/i;

/** What is carried while `idle` runs: nothing may be (L3). */
export async function echoesWhile(world: World, idle: () => Promise<void>): Promise<readonly Violation[]> {
  const watches = await Promise.all(world.ports.map((port) => monitor(port)));
  await idle();
  const lines = watches.flatMap((watch) => watch.lines());
  for (const watch of watches) watch.stop();
  if (!lines.some((line) => line.includes('jday:')))
    return [{ what: 'stuck', key: '', detail: 'nobody was seen to answer' }];
  return lines
    .filter((line) => ECHO.test(line))
    .map((detail): Violation => ({ what: 'echo', key: '', detail }));
}

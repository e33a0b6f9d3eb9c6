import { monitor } from '../../support/servers/monitor.ts';
import type { Violation } from './judge.ts';
import type { World } from './world.ts';

/** Finds states and ledger entries that our scripts write, not removed ledger entries: a key may just have expired. */
const ECHO =
  / lua\] "(?:restore|set|hset|hsetnx|unlink|pexpireat|rename)" "(?!jday:)|"hset" "jday:[^"]*:ledger:/i;

/** Reports every state or ledger entry that is written while `idle` runs. At rest nothing may be written. */
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

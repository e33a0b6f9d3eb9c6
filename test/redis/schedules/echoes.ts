import { monitor } from '../../support/monitor.ts';
import type { Violation } from './judge.ts';
import type { World } from './world.ts';

/** Writes that our scripts make while `idle` runs: there must be none but for entries of keys that expired just now. */
export async function echoesWhile(world: World, idle: () => Promise<void>): Promise<readonly Violation[]> {
  const watches = await Promise.all(world.ports.map((port) => monitor(port)));
  await idle();
  const lines = watches.flatMap((watch) => watch.lines());
  for (const watch of watches) watch.stop();
  const ours = lines.filter((line) => / lua\] "(?:restore|set|hset|hsetnx|unlink|pexpireat)"/i.test(line));
  return ours.map((detail): Violation => ({ what: 'echo', key: '', detail }));
}

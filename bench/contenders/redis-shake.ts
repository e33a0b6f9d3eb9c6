import { mkdirSync, writeFileSync } from 'node:fs';
import { findOptionalProgram } from '../../servers/tools.ts';
import { type Child, startChild } from '../../servers/child.ts';
import type { Stage, StagedServer } from '../stage.ts';

/** Returns the path of RedisShake; undefined = it is not installed. Then the bench says so and goes on without it. */
export function findRedisShake(): string | undefined {
  return findOptionalProgram('redis-shake');
}

/** `scan` copies the existing keys and ends. `sync` follows the source as a replica does. */
export function startRedisShake(
  program: string,
  stage: Stage,
  reader: 'scan' | 'sync',
  source: StagedServer,
  target: StagedServer,
): Child {
  const folder = stage.path('redis-shake');
  mkdirSync(folder, { recursive: true });
  const settings = [
    `[${reader}_reader]`,
    `address = "127.0.0.1:${source.server.port}"`,
    ...(reader === 'scan' ? ['count = 1000'] : []),
    '[redis_writer]',
    `address = "127.0.0.1:${target.server.port}"`,
    '[advanced]',
    'log_level = "warn"',
  ];
  const file = `${folder}/shake.toml`;
  writeFileSync(file, `${settings.join('\n')}\n`);
  const child = startChild({ program, args: [file], cwd: folder, logFile: `${folder}/out.log` });
  stage.onClose(() => child.stop());
  return child;
}

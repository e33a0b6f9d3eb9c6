/** Servers that hide commands, as hosted ones do, against users who lack a right: the remedies differ. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Check } from '../../../domain/run/check.ts';
import { fetchRdb } from '../../../redis/backup/rdb.ts';
import { answerKind, commandIn, isNoQuestion } from '../../../redis/client/server-answer.ts';
import { maySome } from '../../../redis/fence/may-write.ts';
import { rulesKept, saveRules } from '../../../redis/fence/saved-rules.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { storeOf } from '../backup/plan.ts';
import { LONG_RETENTION, only, withPreflightWorld } from './world.ts';

const hiding = (...commands: readonly string[]) => ({
  config: { 'rename-command': commands.map((name) => `${name} ""`).join('\nrename-command ') },
});

const world = withPreflightWorld();
const withoutRules = withRedis(hiding('ACL', 'CONFIG'));
const withoutCopies = withRedis(hiding('RESTORE', 'PSYNC'));
const narrow = withRedis({
  acl: [
    'user default on nopass ~* &* +@all',
    'user jday on >s3cret ~* &* +@all -acl|whoami -acl|dryrun -acl|setuser -config|get -acl|save -touch',
    'user app on >app ~match:* +@read +@write -@dangerous',
  ],
});

const asJday = { user: 'jday', password: 's3cret' };

async function checksOf(url: string): Promise<(name: string) => Check> {
  const checks = await runPreflight(world.withStore('v1', url), world.environment(), LONG_RETENTION);
  return (name) => only(checks, name, 'v1');
}

describe('a server without a command is told from a user without a right', () => {
  it('in the checks of rights, settings and fence', async () => {
    const [hidden, denied] = [
      await checksOf(withoutRules.server.url()),
      await checksOf(narrow.server.url(asJday)),
    ];
    expect(hidden('rights')).toMatchObject({
      verdict: 'alert',
      found: 'rights could not be asked: the server does not have the command acl',
      remedy: 'Make sure yourself that docs/preflight.md’s list is granted.',
    });
    expect(denied('rights')).toMatchObject({
      verdict: 'alert',
      found: 'rights could not be asked: our user may not run acl|whoami',
    });
    expect(denied('rights').remedy).toMatch(/^Grant \+acl\|whoami/);
    expect(hidden('output buffer').found).toBe('cannot be read: the server does not have the command config');
    expect(denied('output buffer').found).toBe('cannot be read: our user may not run config|get');
    expect(hidden('fence')).toMatchObject({ verdict: 'red' });
    expect(hidden('fence').found).toBe('no fence: the server does not have the command acl');
    expect(hidden('fence').remedy).not.toContain('Grant');
    expect(denied('fence')).toMatchObject({ verdict: 'red', found: 'our user may not change ACL rules' });
    for (const name of ['app users', 'app rights', 'other writers'])
      expect(hidden(name)).toMatchObject({
        verdict: 'red',
        found: 'the check could not be made: the server does not have the command acl',
      });
  });

  it('in the list of commands: no grant brings back what a server does not have', async () => {
    const rights = (await checksOf(withoutCopies.server.url()))('rights');
    expect(rights).toMatchObject({
      verdict: 'red',
      found: 'the server does not have psync, restore',
      remedy: 'Ask who runs this server: it may be too old, or hide these commands.',
    });
  });

  it('when a backup is fetched', async () => {
    const store = storeOf('v1', withoutCopies.server.url());
    const never = new AbortController().signal;
    await expect(fetchRdb(store, {}, join(world.path, 'x.rdb'), never)).rejects.toThrow(
      'no RDB: the server does not have PSYNC, REPLCONF or INFO: a hosted server may hide them',
    );
  });

  it('when rules are saved', async () => {
    const connect = (port: number, login: object = {}) => {
      const redis = new Redis({ port, host: '127.0.0.1', protocol: 2, enableReadyCheck: false, ...login });
      onTestFinished(() => redis.disconnect());
      return redis;
    };
    const jday = connect(narrow.server.port, { username: 'jday', password: 's3cret' });
    expect(await rulesKept(jday)).toBe('configuration');
    await expect(saveRules('v1', withoutRules.client)).rejects.toThrow(
      'the server does not have CONFIG REWRITE. Say in the plan why it may forget the fence',
    );
    await narrow.client.call('ACL', ['SETUSER', 'jday', '+config|get']);
    await expect(saveRules('v1', jday)).rejects.toThrow('our user may not run ACL SAVE. Grant it +acl|save');
  });
});

describe('a question about rights', () => {
  it('that nobody answers is no "no": a user who may write would pass for one who may not', async () => {
    await expect(maySome(withoutRules.client, 'app', 'match:1', 'any')).rejects.toThrow(/unknown command/);
    await expect(maySome(narrow.client, 'nobody', 'match:1', 'any')).resolves.toBe(false);
    await expect(maySome(narrow.client, 'app', 'match:1', 'any')).resolves.toBe(true);
  });
});

describe('the kind of an answer', () => {
  const said = async (ask: () => Promise<unknown>): Promise<readonly unknown[]> => {
    const error: unknown = await ask().then(
      () => null,
      (failure: unknown) => failure,
    );
    return [answerKind(error), commandIn(error), isNoQuestion(error)];
  };

  it('is read from what real servers say', async () => {
    const { client } = narrow;
    const jday = new Redis(narrow.server.url(asJday), { protocol: 2, enableReadyCheck: false });
    onTestFinished(() => jday.disconnect());
    expect(await said(() => client.call('NOSUCH', ['secret']))).toEqual(['no such command', 'nosuch', false]);
    expect(await said(() => client.call('CLIENT', ['NOSUCH']))).toEqual(['no such command', 'nosuch', false]);
    expect(await said(() => client.call('EVAL', ["redis.call('nosuch')", '0']))).toEqual([
      'no such command',
      '',
      false,
    ]);
    expect(await said(() => jday.call('ACL', ['WHOAMI']))).toEqual(['denied', 'acl|whoami', false]);
    expect(await said(() => jday.call('EVAL', ["redis.call('TOUCH', KEYS[1])", '1', 'x']))).toEqual([
      'denied',
      '',
      false,
    ]);
    expect(await said(() => client.call('ACL', ['DRYRUN', 'nobody', 'GET', 'x']))).toEqual([
      'other',
      '',
      true,
    ]);
    expect(await said(() => client.call('ACL', ['DRYRUN', 'app', 'NOSUCH']))).toEqual(['other', '', true]);
    expect(await said(() => client.call('ACL', ['DRYRUN', 'app', 'GET']))).toEqual(['other', 'get', true]);
    expect(await said(() => client.call('AUTH', ['jday', 'no']))).toEqual(['no login', '', false]);
  });

  it('of a transaction is that of the command that was refused', async () => {
    expect(await said(() => narrow.client.multi().call('NOSUCH').exec())).toEqual([
      'no such command',
      '',
      false,
    ]);
  });
});

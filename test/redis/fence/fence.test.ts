import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { findTool } from '../../../servers/tools.ts';
import { withBlobModule } from '../../support/servers/blob-module.ts';
import { NARROW, withFencedWorld } from '../../support/worlds/fenced-world.ts';

const module = withBlobModule();
/** The rules of the app, to the letter. Redis 7.0 lists single commands in any order, so there the words are sorted. */
const rulesOf = async (admin: Redis) => {
  const rules = ((await admin.call('ACL', ['LIST'])) as string[]).filter((line) =>
    line.startsWith('user app '),
  );
  const valkey = /^server_name:valkey/m.test(await admin.info('server'));
  return valkey ? rules : rules.map((line) => line.split(' ').sort().join(' '));
};
const denied = (command: Promise<unknown>) => expect(command).rejects.toThrow(/^NOPERM .* run the/);

describe.each([
  ['Redis 7.0', {}],
  ['Valkey 9.1', { binary: findTool('valkey-server') }],
])('the fence of a user with patterns of its own, on %s', (_engine, engine) => {
  const world = withFencedWorld(engine);
  const { raise, lower, proven, keep } = world;

  test('is not proven by the denial of a key: once the server has forgotten it, it is open (L1, L7)', async () => {
    const { app, admin } = await world.begin(NARROW);
    await raise();
    expect(await proven()).toBe(true);
    await denied(app.set('match:1', 'v'));
    expect(await app.get('match:1')).toBeNull();
    // Configuration management can bring back the old rule like this.
    await admin.call('ACL', ['SETUSER', 'app', '+@write', '-@dangerous']);
    await app.set('match:1', 'v');
    expect(await proven()).toBe(false);
    await keep();
    expect(await proven()).toBe(true);
    await denied(app.set('match:1', 'v'));
  });

  test('is raised again where only the denial of a key speaks for it (L1, L7)', async () => {
    const { app, admin } = await world.begin('%R~jday:authority -@all +get (+get +set ~match:*)');
    const selectors = ['clearselectors', '(-@all +get +set ~match:*)'];
    await raise();
    await admin.call('ACL', ['SETUSER', 'app', ...selectors]);
    await app.set('match:1', 'v');
    await keep();
    await denied(app.set('match:1', 'v'));
  });

  test.each([
    ['in the rule', '+set|match:7'],
    ['in a selector', '(~match:* +set|match:7)'],
  ])(
    'a command that is given back for one first argument, %s, is open, and taken again (L1, L7)',
    async (_what, word) => {
      const { app, admin } = await world.begin(`${NARROW} +hset|match:8 (~match:* +hset|match:8)`);
      const set = () => app.set('match:7', 'v');
      await raise();
      // The old rule also allowed a command for one first argument. The fence has taken that right.
      expect(await proven()).toBe(true);
      await admin.call('ACL', ['SETUSER', 'app', word]);
      await set();
      expect(await proven()).toBe(false);
      await keep();
      await denied(set());
      expect(await proven()).toBe(true);
      expect(await keep()).toEqual([]);
    },
  );

  test('is not proven by a rule that denies everything, but is not the one that the fence left (L7)', async () => {
    const { admin } = await world.begin(NARROW);
    await raise();
    await admin.call('ACL', ['SETUSER', 'app', '-get']);
    expect(await proven()).toBe(false);
  });

  test.each([
    ['as the documents advise', NARROW],
    ['everything', '~* &* allcommands'],
    ['everything but some', '~* &* +@all -@dangerous -pfcount -client|kill'],
    [
      'reads and writes of different keys',
      '%R~match:* %W~candidate:* resetchannels +@read +@write +config|get',
    ],
    ['a selector with a parenthesis in its pattern', `${NARROW} (+@all ~a)b:* %W~q)`],
    ['selectors that write', '~match:* +get (+set ~match:*) (+@write -del ~candidate:*)'],
    ['quotes and escapes', '~match:[ab]?\\* ~x"y +@all'],
  ])('comes down to the letter: %s (L9)', async (_what, rule) => {
    const { admin } = await world.begin(rule);
    const before = await rulesOf(admin);
    await raise();
    expect(await proven()).toBe(true);
    expect(await rulesOf(admin)).not.toEqual(before);
    expect(await lower()).toEqual([]);
    expect(await rulesOf(admin)).toEqual(before);
    expect(await world.records()).toEqual([null]);
  });

  test('takes writes from selectors too, and leaves their reads', async () => {
    const { app, admin } = await world.begin('~match:* +get +select (+@all ~candidate:*)');
    await admin.set('candidate:1', 'v');
    await raise();
    await denied(app.set('candidate:1', 'w'));
    expect(await app.get('candidate:1')).toBe('v');
  });

  test('takes PFCOUNT, which changes its key and is no write command', async () => {
    const { app } = await world.begin(NARROW);
    await app.pfadd('match:p', 'a');
    await raise();
    await denied(app.pfcount('match:p'));
    await lower();
    expect(await app.pfcount('match:p')).toBe(1);
  });

  test.skipIf(module === null)(
    'takes the commands of modules, also of one that is loaded later',
    async () => {
      const { app, admin } = await world.begin('~* &* +@all', {
        config: { 'enable-module-command': 'yes' },
      });
      await raise();
      expect(await proven()).toBe(true);
      await admin.call('MODULE', ['LOAD', module ?? '']);
      expect(await proven()).toBe(false);
      await keep();
      expect(await proven()).toBe(true);
      await denied(app.call('blob.set', ['match:1', 'v']));
      await lower();
      expect(await app.call('blob.set', ['match:1', 'v'])).toBe('OK');
    },
  );

  test('leaves a record without any password (L12)', async () => {
    await world.begin(NARROW);
    await raise();
    const records = await world.records();
    expect(records).toHaveLength(2);
    for (const record of records) {
      expect(record).toContain('~match:*');
      expect(record).not.toMatch(/#[0-9a-f]{8}|secret/);
    }
  });

  test('stands from the first instant after a restart, because the server has saved it (L8)', async () => {
    const { admin } = await world.begin(NARROW);
    const before = await rulesOf(admin);
    await raise();
    await world.restart();
    await denied((await world.connect('app')).set('match:1', 'v'));
    const again = await world.connect();
    await again.call('ACL', ['LOAD']);
    expect(await proven()).toBe(true);
    await lower();
    await world.restart();
    expect(await rulesOf(await world.connect())).toEqual(before);
    await (await world.connect('app')).set('match:1', 'v');
  });

  test('stands so too where users are in the configuration', async () => {
    const { admin } = await world.begin(NARROW, {
      acl: undefined,
      config: { user: `app on >secret ${NARROW}` },
    });
    const folder = String(((await admin.config('GET', 'dir')) as string[])[1]);
    await raise();
    expect(readFileSync(join(folder, 'redis.conf'), 'utf8')).toMatch(
      /^user app .*-@write|^user app .*-@all/m,
    );
    await world.restart();
    await denied((await world.connect('app')).set('match:1', 'v'));
    await lower();
    await world.restart();
    await (await world.connect('app')).set('match:1', 'v');
  });

  test('does not bring old, larger rights back: a rule that was changed since is left alone, and said', async () => {
    const { app, admin } = await world.begin(NARROW);
    await raise();
    await admin.call('ACL', ['SETUSER', 'app', 'resetkeys', '~match:*', '-@all', '+get', '+set']);
    const [meant] = await rulesOf(admin);
    expect(await lower()).toEqual([expect.stringContaining('user app of v1 was given another rule')]);
    expect(await rulesOf(admin)).toEqual([meant]);
    await app.set('match:1', 'v');
    expect(await world.records()).toEqual([null]);
  });

  test('asks where the rule was changed and lets the user write nothing: V1 is not left shut without a word', async () => {
    const { admin } = await world.begin(NARROW);
    await raise();
    await admin.call('ACL', ['SETUSER', 'app', '-get']);
    const [meant] = await rulesOf(admin);
    await expect(lower()).rejects.toThrow(/app user app of v1 was changed .* write nothing.* then go on$/);
    expect(await rulesOf(admin)).toEqual([meant]);
    await keep();
    expect(await rulesOf(admin)).toEqual([meant]);
    await admin.call('ACL', ['SETUSER', 'app', '+set']);
    expect(await lower()).toHaveLength(1);
  });

  test('of a later run takes the rule that stands, not the one that an earlier run has left behind', async () => {
    const { admin } = await world.begin(NARROW);
    await raise();
    await admin.call('ACL', ['SETUSER', 'app', 'resetkeys', '~match:*', '-@all', '+get', '+set']);
    const [meant] = await rulesOf(admin);
    expect(await raise()).toEqual([expect.stringContaining('it is the new one that comes back')]);
    expect(await proven()).toBe(true);
    await lower();
    expect(await rulesOf(admin)).toEqual([meant]);
  });
});

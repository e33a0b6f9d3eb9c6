import { describe, expect, it } from 'vitest';
import { verifyAll } from '../../../redis/verify/verifier.ts';
import { verifyKeys } from '../../../redis/verify/verify-keys.ts';
import { fillEqual, linkOf, withVerifyWorld } from '../../support/worlds/verify-world.ts';

const world = withVerifyWorld();
const NEVER = new AbortController().signal;
const KEYS = [
  'match:document',
  'match:fields',
  'session:1',
  'session:binary',
  'metrics:list',
  'metrics:set',
  'metrics:zset',
  'metrics:stream',
];

describe('one look under the fence', () => {
  it('L13 equal keys are counted, each once, and absent on both sides is equal', async () => {
    await fillEqual(world.v1.client, world.v2.client);
    const { v1, v2 } = world;
    const found = await verifyKeys(linkOf(), v1.client, v2.client, [...KEYS, ...KEYS, 'session:gone']);
    expect(found).toEqual({ equal: KEYS.length + 1, different: [] });
  });

  it('L13 what differs is named at once, with its source key', async () => {
    await fillEqual(world.v1.client, world.v2.client);
    const { v1, v2 } = world;
    await v2.client.del('metrics:v1:set');
    await v1.client.del('metrics:list');
    await v2.client.persist('session:1');
    const { equal, different } = await verifyKeys(linkOf(), v1.client, v2.client, KEYS);
    expect(equal).toBe(KEYS.length - 3);
    expect(different).toEqual([
      { dataset: 'session', key: 'session:1', what: 'expiry' },
      { dataset: 'metrics', key: 'metrics:list', what: 'missing on source' },
      { dataset: 'metrics', key: 'metrics:set', what: 'missing on target' },
    ]);
  });

  it('a value that cannot be transformed is equal to nothing, not even to itself', async () => {
    for (const { client } of [world.v1, world.v2])
      await client.set('match:both', '{"offers":[1],"jobs":[2]}');
    const { different } = await verifyKeys(linkOf(), world.v1.client, world.v2.client, ['match:both']);
    expect(different).toEqual([{ dataset: 'match', key: 'match:both', what: 'value' }]);
  });

  it('more keys than a batch', async () => {
    const keys = Array.from({ length: 700 }, (_, i) => `session:${i}`);
    for (const { client } of [world.v1, world.v2]) await client.mset(keys.flatMap((key) => [key, key]));
    await world.v2.client.set('session:699', 'x');
    const { equal, different } = await verifyKeys(linkOf(), world.v1.client, world.v2.client, keys);
    expect([equal, different.length]).toEqual([699, 1]);
  });

  it('L7 a key that nobody owns is an error, not a pass, and the error does not name it', async () => {
    const asked = verifyKeys(linkOf(), world.v1.client, world.v2.client, ['secret:1']);
    await expect(asked).rejects.toThrow(/no dataset/);
    await expect(asked).rejects.not.toThrow(/secret/);
  });
});

describe('the last check of everything', () => {
  it('L13 compares all datasets both ways, and waits until each difference is stable', async () => {
    const keys = await fillEqual(world.v1.client, world.v2.client);
    const options = await world.optionsOf({ authority: () => 'target' });
    expect(await verifyAll(options, NEVER)).toEqual({ compared: keys, diverged: 0 });
    await world.v1.client.set('match:old', 'x');
    await world.v2.client.set('metrics:v1:new', 'x');
    expect(await verifyAll(options, NEVER)).toEqual({ compared: keys + 2, diverged: 2 });
  });

  it('L7 what could not be settled counts as different', async () => {
    await world.v1.client.set('match:1', 'x');
    const options = await world.optionsOf({ behind: () => true });
    expect(await verifyAll(options, NEVER)).toEqual({ compared: 1, diverged: 1 });
  });
});

import { expect, it } from 'vitest';
import { InFlight } from '../../../redis/replication/attempt/in-flight.ts';

/** Resolves when all callbacks of ended work have run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('a work that failed while no caller waited is told to the next one who adds', async () => {
  const flight = new InFlight();
  await flight.add(Promise.reject(new Error('the batch')), 9).catch(() => undefined);
  await turn();
  await expect(flight.add(Promise.resolve(), 9)).rejects.toThrow('the batch');
});

it('and to the one who waits for the end', async () => {
  const flight = new InFlight();
  const gone = new Promise<void>((_resolve, reject) => setImmediate(() => reject(new Error('the batch'))));
  await flight.add(gone, 9);
  await turn();
  await turn();
  await expect(flight.landed()).rejects.toThrow('the batch');
  await expect(flight.ended()).resolves.toBeUndefined();
});

it('resolves when there is room, and at the end of all', async () => {
  const flight = new InFlight();
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => void ends.push(resolve));
  await flight.add(work(), 2);
  let room = false;
  const second = flight.add(work(), 2).then(() => {
    room = true;
  });
  await turn();
  expect(room).toBe(false);
  ends[0]?.();
  await second;
  let over = false;
  const landed = flight.landed().then(() => {
    over = true;
  });
  await turn();
  expect(over).toBe(false);
  ends[1]?.();
  await landed;
});

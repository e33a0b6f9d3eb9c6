import type { Redis } from 'ioredis';
import { SLOTS } from '../../domain/slot.ts';

/** Slots that one master serves, first and last. */
type Range = readonly [number, number];

export type Master = {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly ranges: readonly Range[];
};

/** A node that takes over when its master fails. It knows its master's data, not the rules of its users. */
export type Replica = Pick<Master, 'id' | 'host' | 'port'>;

/** Which master serves which slots, as one node says it; `text` is equal for equal maps, whoever is asked. */
export type SlotMap = {
  readonly masters: readonly Master[];
  readonly replicas: readonly Replica[];
  readonly text: string;
};

type Told = [host: string | null, port: number, id: string];

/** @param asked host that was connected to: stands for a node that does not know its own address */
export async function readSlotMap(redis: Redis, asked: string): Promise<SlotMap> {
  const rows = (await redis.call('CLUSTER', ['SLOTS'])) as [number, number, Told, ...Told[]][];
  const found = new Map<string, Replica & { ranges: Range[] }>();
  const replicas = new Map<string, Replica>();
  const known = ([host, port, id]: Told): Replica => ({ id, host: isKnown(host) ? host : asked, port });
  for (const [from, to, told, ...followers] of rows.sort(([one], [other]) => one - other)) {
    const master = found.get(told[2]) ?? { ...known(told), ranges: [] };
    master.ranges.push([from, to]);
    found.set(master.id, master);
    for (const follower of followers) replicas.set(follower[2], known(follower));
  }
  const masters = [...found.values()];
  const text = JSON.stringify(masters.map(({ id, port, ranges }) => [id, port, ranges]));
  return { masters, replicas: [...replicas.values()], text };
}

/** Whether somebody serves each slot. */
export function isWhole({ masters }: SlotMap): boolean {
  const served = masters.flatMap(({ ranges }) => ranges).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return served === SLOTS;
}

function isKnown(host: string | null): host is string {
  return host !== null && host !== '' && host !== '?';
}

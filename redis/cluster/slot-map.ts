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

/** Which master serves which slots, as one node says it; `text` is equal for equal maps, whoever is asked. */
export type SlotMap = { readonly masters: readonly Master[]; readonly text: string };

/** @param asked host that was connected to: stands for a node that does not know its own address */
export async function readSlotMap(redis: Redis, asked: string): Promise<SlotMap> {
  const rows = (await redis.call('CLUSTER', ['SLOTS'])) as [
    number,
    number,
    [string | null, number, string],
  ][];
  const found = new Map<string, { id: string; host: string; port: number; ranges: Range[] }>();
  for (const [from, to, [host, port, id]] of rows.sort(([one], [other]) => one - other)) {
    const master = found.get(id) ?? { id, host: isKnown(host) ? host : asked, port, ranges: [] };
    master.ranges.push([from, to]);
    found.set(id, master);
  }
  const masters = [...found.values()];
  return { masters, text: JSON.stringify(masters.map(({ id, port, ranges }) => [id, port, ranges])) };
}

/** Whether somebody serves each slot. */
export function isWhole({ masters }: SlotMap): boolean {
  const served = masters.flatMap(({ ranges }) => ranges).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return served === SLOTS;
}

function isKnown(host: string | null): host is string {
  return host !== null && host !== '' && host !== '?';
}

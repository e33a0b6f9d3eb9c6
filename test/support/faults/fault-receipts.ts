import type { Redis } from 'ioredis';
import type { Side } from '../../../domain/plan/plan.ts';
import { eventually } from '../eventually.ts';

const SIDES = ['source', 'target'] as const;
/** More than one script call may carry. The large-key loop replicates such a value. */
const LARGE_BYTES = 200_000;

type How = keyof typeof VALUES;
const VALUES = {
  small: (label: string) => label,
  large: (label: string) => label.padEnd(LARGE_BYTES),
  /** A different value than that of `small`. */
  anew: (label: string) => `${label}, anew`,
} as const;

/**
 * Keys that are written once, or a second time with a different value. The name of a key contains the moment of its
 * write. So a lost key shows at which fault it was lost.
 */
export interface Receipts {
  /** Tries until the server of the side has acknowledged the write, even if the server is down for a while. */
  put(side: Side, label: string, how?: How): Promise<void>;
  putAll(side: Side, labels: readonly string[]): Promise<void>;
  /**
   * Returns one line for each key that one of the sides `on` does not hold as it was written. `of`: only keys that the
   * app of this side wrote.
   */
  lost(of?: Side, on?: readonly Side[]): Promise<string[]>;
}

export function startReceipts(prefix: string, sides: Readonly<Record<Side, Redis>>): Receipts {
  const known = new Map<string, string>();
  const write = async (side: Side, label: string, value: string) => {
    const key = `${prefix}:receipt ${label} ${side}`;
    await eventually(`an OK for ${key}`, async () => (await sides[side].set(key, value)) === 'OK');
    known.set(key, value);
  };
  return {
    put: (side, label, how = 'small') => write(side, label, VALUES[how](label)),
    putAll: async (side, labels) => void (await Promise.all(labels.map((one) => write(side, one, one)))),
    lost: async (of, on = SIDES) => {
      const keys = [...known.keys()].filter((key) => of === undefined || key.endsWith(` ${of}`));
      if (keys.length === 0) return [];
      const values = await Promise.all(on.map((side) => sides[side].mget(keys)));
      return on.flatMap((side, at) =>
        keys.flatMap((key, i) => {
          const there = values[at]?.[i];
          return there === known.get(key)
            ? []
            : [`${key}: ${there ? 'another value' : 'nothing'} on ${side}`];
        }),
      );
    },
  };
}

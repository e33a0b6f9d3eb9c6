/**
 * A pool of things, such as keys. A request takes a thing out and gives it back afterwards, so each key has one writer
 * at a time. A thing that is not given back is never used again.
 */
export type Pool<T> = {
  take(): T | undefined;
  give(thing: T): void;
  readonly size: number;
};

export function createPool<T>(things: Iterable<T>, below: (limit: number) => number): Pool<T> {
  const free = [...things];
  return {
    take: () => {
      const at = below(free.length);
      const last = free.pop();
      if (last === undefined || at === free.length) return last;
      const taken = free[at];
      free[at] = last;
      return taken;
    },
    give: (thing) => void free.push(thing),
    get size() {
      return free.length;
    },
  };
}

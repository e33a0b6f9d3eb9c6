import type { KeyMap } from '../../domain/key-map.ts';
import { OUR_PREFIX } from '../../domain/keyspace.ts';
import type { Dataset } from '../../domain/plan.ts';
import { owns, type Shard } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import type { Lines } from './connections.ts';
import type { DirtyKeys } from './dirty-keys.ts';
import type { KnownKeys } from './known-keys.ts';

export type Hearing = {
  readonly side: Side;
  /** The feed tells of all keys of the link; those of other shards are theirs. */
  readonly shard: Shard;
  readonly keyMap: KeyMap;
  readonly dirty: DirtyKeys;
  readonly known: KnownKeys;
  /** Told of each key of the shard that an event names. */
  readonly changed: (sourceKey: string) => void;
  readonly takesPart: (dataset: Dataset) => boolean;
  /** V2's own keys of the dataset are not known yet. */
  readonly tellingApart: (dataset: Dataset) => boolean;
  /** Takes the source keys heard of until then. */
  readonly touched: Set<string>;
  /** Our own keys on this side that mean something. */
  readonly barrierKey: string;
  readonly own: ReadonlyMap<string, () => void>;
  /** Everything may have changed: a flush, in whatever database of the server. */
  readonly flushed: () => void;
};

/** Turns what the feed of one server tells into dirty keys, and knows when everything up to now has been heard. */
export class Ears {
  readonly #hearing: Hearing;
  #barrier: Promise<void> = Promise.resolve();
  #passed: (() => void) | null = null;

  constructor(hearing: Hearing) {
    this.#hearing = hearing;
  }

  readonly heard = (keys: readonly string[] | 'everything'): void => {
    if (keys === 'everything') return this.#hearing.flushed();
    const nowMs = Date.now();
    for (const key of keys) this.#one(key, nowMs);
  };

  #one(key: string, nowMs: number): void {
    const { side, shard, keyMap, dirty, known, takesPart, tellingApart, touched, own, barrierKey } =
      this.#hearing;
    if (key.startsWith(OUR_PREFIX)) {
      if (key === barrierKey) this.#passed?.();
      return own.get(key)?.();
    }
    const dataset = keyMap.owner(side, key);
    if (!dataset || !takesPart(dataset)) return;
    const sourceKey = side === 'source' ? key : keyMap.counterpart(dataset, 'target', key);
    if (!owns(shard, sourceKey)) return;
    this.#hearing.changed(sourceKey);
    if (tellingApart(dataset)) touched.add(sourceKey);
    dirty.mark(sourceKey, side, nowMs, known.get(sourceKey)?.echo === side);
  }

  /**
   * Resolves when every event up to now has been heard: a marker written now has come through the same feed.
   * One at a time, so that a marker's event is its own. While the server pauses writes, a PING on the feed
   * connection serves: events are flushed at the end of each turn of the server's loop, before it reads the PING.
   */
  barrier({ tracker, subscriber }: Pick<Lines, 'tracker' | 'subscriber'>, paused: boolean): Promise<void> {
    const next = this.#barrier.then(async () => {
      if (paused) return void (await subscriber.ping());
      const passed = new Promise<void>((resolve) => {
        this.#passed = resolve;
      });
      await tracker.set(this.#hearing.barrierKey, '1');
      await passed;
      this.#passed = null;
    });
    this.#barrier = next.catch(() => undefined);
    return next;
  }

  /** Nothing more will be heard: who waits for a marker goes on, and finds its connection closed. */
  end(): void {
    this.#passed?.();
  }
}

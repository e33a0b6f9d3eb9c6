/** Thrown by a move that breaks a law. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export type Move<World> = (name: string, next: World) => void;
export type Moves<World> = (world: World, move: Move<World>) => void;

export type Exploration = {
  readonly states: number;
  /** The broken law and the shortest way to it; `null` = every state was reached, and none breaks a law. */
  readonly broken: { readonly law: string; readonly trace: readonly string[] } | null;
};

/**
 * Walks over every interleaving, breadth-first. Two worlds with the same spelling count as one and are visited once.
 *
 * @throws RangeError more than `most` states: the bounds are too wide to be exhausted
 */
export function explore<World>(
  start: World,
  moves: Moves<World>,
  spell: (world: World) => string,
  most: number,
): Exploration {
  const indices = new Map<string, number>([[spell(start), 0]]);
  const parents: number[] = [-1];
  let layer: { readonly index: number; readonly world: World }[] = [{ index: 0, world: start }];
  const broken = (index: number, law: string): Exploration => {
    const spellings = [...indices.keys()];
    const way = wayTo(index, parents).map((step) => spellings[step] as string);
    const trace = [...retrace(start, moves, spell, way), `=> ${law}`];
    return { states: parents.length, broken: { law, trace } };
  };
  while (layer.length > 0) {
    const next: typeof layer = [];
    for (const { index, world } of layer) {
      const law = breach(world, moves, (_name, reached) => {
        const spelling = spell(reached);
        if (indices.has(spelling)) return;
        next.push({ index: parents.length, world: reached });
        indices.set(spelling, parents.length);
        parents.push(index);
      });
      if (law !== null) return broken(index, law);
      if (parents.length > most) throw new RangeError(`more than ${most} states`);
    }
    layer = next;
  }
  return { states: parents.length, broken: null };
}

/** The law that a move from here breaks; `null` = none. */
function breach<World>(world: World, moves: Moves<World>, move: Move<World>): string | null {
  try {
    moves(world, move);
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
}

function wayTo(index: number, parents: readonly number[]): number[] {
  const way: number[] = [];
  for (let at = index; at > 0; at = parents[at] as number) way.unshift(at);
  return way;
}

/** The names of the moves along a way. `explore` does not keep them, so this goes the way once more. */
function retrace<World>(
  start: World,
  moves: Moves<World>,
  spell: (world: World) => string,
  way: readonly string[],
): string[] {
  let world = start;
  return way.map((spelling) => {
    let taken: { name: string; next: World } | undefined;
    moves(world, (name, next) => {
      if (!taken && spell(next) === spelling) taken = { name, next };
    });
    if (!taken) throw new Error('a way that cannot be gone twice');
    world = taken.next;
    return taken.name;
  });
}

import { ownershipProblems } from '../../../domain/keys/ownership.ts';
import { lensOf } from '../../../domain/transform/lens.ts';
import { difference } from '../../verify/compare.ts';
import { inOneForm } from '../../verify/large-state.ts';
import { readTyped } from '../../verify/typed-read.ts';
import { alert, green, type LinkUnderTest, red } from '../finding.ts';
import type { Inventory, KeySample } from '../inventory.ts';
import type { NamedCheck } from '../world.ts';

export const OWNERSHIP: NamedCheck = {
  name: 'ownership',
  scope: 'plan',
  looksAt: 'the plan’s patterns against each other: no key may have two owners',
  look: async ({ plan }) => {
    const problems = ownershipProblems(plan.datasets);
    const expected = 'one owner at most for every key';
    if (problems.length === 0) return green(`${plan.datasets.length} datasets`, expected);
    return red(
      problems.join('; '),
      expected,
      'Narrow the patterns, add excludes, or rename one dataset’s keys.',
    );
  },
};

export const UNMATCHED: NamedCheck = {
  name: 'unmatched keys',
  scope: 'link',
  looksAt:
    'keys of the source that no dataset owns and the store’s `ignore` does not name: they would be left behind',
  look: async (link, world) => {
    const inventory = await world.inventory(link);
    const expected = 'every key has a dataset, or stands under `ignore`';
    if (inventory.unmatched > 0) {
      return red(
        `${inventory.unmatched} keys: ${inventory.unmatchedShapes.join(', ')}`,
        expected,
        `Add datasets for them, or name their patterns under ignore of store ${link.name}.`,
      );
    }
    if (inventory.complete) return green(`${inventory.scanned} keys looked at`, expected);
    return alert(
      `none, but time sufficed for ${inventory.scanned} keys only`,
      expected,
      lookAgain(inventory),
    );
  },
};

export const EMPTY_DATASETS: NamedCheck = {
  name: 'datasets found',
  scope: 'link',
  looksAt:
    'whether every dataset has keys: a pattern with a typing error moves nothing and complains about nothing',
  look: async (link, world) => {
    const inventory = await world.inventory(link);
    const empty = [...inventory.perDataset].filter(([, keys]) => keys === 0).map(([name]) => name);
    const expected = 'keys in every dataset';
    if (empty.length === 0) return green(`${inventory.perDataset.size} datasets with keys`, expected);
    const remedy = inventory.complete ? 'Check the patterns of these datasets.' : lookAgain(inventory);
    return alert(`no key yet in ${empty.join(', ')}`, expected, remedy);
  },
};

export const CONTESTED: NamedCheck = {
  name: 'colliding keys',
  scope: 'link',
  looksAt: 'source keys whose name on V2 a key of another source also maps to',
  look: async (link, world) => {
    const { contested, scanned } = await world.inventory(link);
    const expected = 'a V2 name of its own for every key';
    if (contested === 0) return green(`none among ${scanned}`, expected);
    return red(`${contested} keys`, expected, 'Rename one dataset’s keys on V2 (rename: from, to).');
  },
};

export const OCCUPIED: NamedCheck = {
  name: 'occupied keys',
  scope: 'link',
  looksAt: 'source keys whose name is taken on V2 already, with another content',
  look: async (link, world) => {
    const { occupied, occupiedSamples } = await world.inventory(link);
    const expected = 'no other content under these names on V2';
    if (occupied === 0) return green('none taken', expected);
    let different = 0;
    for (const sample of occupiedSamples) if (!(await sameContent(link, sample))) different++;
    if (different === 0) return green(`${occupied} taken, equal as far as looked at`, expected);
    return alert(
      `${occupied} taken; of ${occupiedSamples.length} looked at, ${different} differ`,
      expected,
      'Nothing to do if the source is right: what stands there is kept and put back by an abort. Else rename or exclude.',
    );
  },
};

/** Compares a sample as the verifier does, in pieces if its value is large. Expiries do not count here. */
async function sameContent(link: LinkUnderTest, { dataset, key, there }: KeySample): Promise<boolean> {
  const lens = lensOf(dataset.transform);
  const [[source = null], [target = null]] = await Promise.all([
    readTyped(link.source.redis, [key], [lens]),
    readTyped(link.target.redis, [there], [lens]),
  ]);
  if (source === null && target === null) return false;
  const what = difference(lens, ...(await inOneForm(lens, source, target)));
  return what === null || what === 'expiry';
}

function lookAgain({ scanned }: Inventory): string {
  return `Run the preflight again at a quieter time; ${scanned} keys were seen in the time it may take.`;
}

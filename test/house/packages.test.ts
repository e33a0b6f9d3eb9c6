import { expect, it } from 'vitest';
import { jsonOf } from '../support/house/repository.ts';

type Wanted = Readonly<Record<string, string>>;
interface Locked {
  readonly version?: string;
  readonly dependencies?: Wanted;
  readonly devDependencies?: Wanted;
  readonly optionalDependencies?: Wanted;
}

const manifest = () => jsonOf<{ dependencies: Wanted; devDependencies: Wanted }>('package.json');
const locked = () => jsonOf<{ packages: Record<string, Locked> }>('package-lock.json').packages;

it('package.json names exact versions only', () => {
  const { dependencies, devDependencies } = manifest();
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
});

it('the lockfile agrees with package.json', () => {
  const { dependencies, devDependencies } = manifest();
  const packages = locked();
  expect(packages['']).toMatchObject({ dependencies, devDependencies });
  const differing = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([name, version]) => packages[`node_modules/${name}`]?.version !== version,
  );
  expect(differing).toEqual([]);
});

// If a registry lacks the package of a platform, npm leaves it out of the lockfile. Then `npm ci` refuses the lockfile.
it('the lockfile holds the optional packages of every platform', () => {
  const packages = locked();
  const holds = (path: string, name: string) =>
    packages[`${path}/node_modules/${name}`] !== undefined || packages[`node_modules/${name}`] !== undefined;
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter((name) => !holds(path, name)),
  );
  expect(missing).toEqual([]);
});

import { SEARCH_ATTRIBUTES } from '../workflows/names.ts';
import type { TemporalLink } from './temporal.ts';

const KEYWORD = 2;

/**
 * Makes our search attributes known to the server where it lets us. Where it does not (rights, a cloud namespace),
 * the migration does without: nothing depends on them but lists in the UI.
 */
export async function registerSearchAttributes({ connection, namespace }: TemporalLink): Promise<boolean> {
  const wanted = Object.values(SEARCH_ATTRIBUTES);
  const known = async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return wanted.every((name) => customAttributes?.[name] !== undefined);
  };
  try {
    if (await known()) return true;
    const searchAttributes = Object.fromEntries(wanted.map((name) => [name, KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    return await known();
  } catch {
    return false;
  }
}

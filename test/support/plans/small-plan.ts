import { parsePlan, PlanProblems } from '../../../client/plan-file.ts';

/** The smallest plan file that is good. Its last line is the ninth. */
export const SMALL = `migration: small
stores:
  - { name: v1, side: source, url: redis://v1 }
  - { name: v2, side: target, url: redis://v2 }
datasets:
  - name: matches
    from: v1
    patterns: ['match:*']
    role: cache
`;

/** The lines that `jday` prints about a plan file; none = it is good. */
export function planProblems(
  text: string,
  environment: Readonly<Record<string, string>> = {},
): readonly string[] {
  try {
    parsePlan(text, environment, 'p.yaml');
  } catch (error) {
    if (error instanceof PlanProblems) return error.lines;
    throw error;
  }
  return [];
}

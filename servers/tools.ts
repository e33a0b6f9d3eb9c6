import { lookUp, onPath, overrideName, type Tool } from './tool-places.mjs';

export type { Tool };

/**
 * Finds the path of a server program: by the override variable, on PATH, then in our own cache.
 *
 * @throws ToolMissing, with a sentence that says how to get it
 */
export function findTool(tool: Tool): string {
  const path = lookUp(tool);
  if (path === undefined) throw new ToolMissing(tool);
  return path;
}

/**
 * For a program that we can do without.
 *
 * @returns undefined when it is missing
 */
export function findOptionalProgram(name: string): string | undefined {
  return onPath(name);
}

export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
  readonly tool: Tool;
  constructor(tool: Tool) {
    super(
      `${tool} was not found: run "node scripts/set-up.mjs --dev", put it on PATH, or name it in ${overrideName(tool)}`,
    );
    this.tool = tool;
  }
}

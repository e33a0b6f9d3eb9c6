export type Tool = 'redis-server' | 'valkey-server' | 'temporal' | 'prometheus' | 'promtool';
type Environment = Readonly<Record<string, string | undefined>>;

export function cacheFolder(environment?: Environment): string;
export function overrideName(tool: Tool): string;
export function lookUp(tool: Tool, environment?: Environment): string | undefined;
export function everyPlace(tool: Tool, environment?: Environment): string[];
export function onPath(tool: string, environment?: Environment): string | undefined;

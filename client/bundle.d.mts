export function bundledEntry(entry: string, place?: string): Promise<string | null>;
export function bundle(
  entries: Readonly<Record<string, string>>,
  folder: string,
): Promise<(readonly [name: string, content: Uint8Array])[]>;

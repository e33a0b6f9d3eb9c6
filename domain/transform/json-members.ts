import { scalarEnd, skipMark, skipSpace, stringEnd } from './json-scalar.ts';

/** An object member whose name was asked for. All positions are byte offsets in the document. */
export type Member<Name> = {
  readonly name: Name;
  /** Offset at which the member's object begins. It identifies the object. */
  readonly object: number;
  /** Offset of the `{` or `,` in front of the member. */
  readonly separator: number;
  /** Start and end of the name, without its quotes. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  valueEnd: number;
  /** True when the value contains no other member that was asked for. */
  flat: boolean;
};

export type Names<Name> = {
  /** Decides on the bytes between two quotes, with escapes as written. `null` means that the name was not asked for. */
  readonly recognise: (bytes: Uint8Array, start: number, end: number) => Name | null;
  /** True when the value is sealed: the scan skips the members inside it. */
  readonly isSealed: (name: Name) => boolean;
};

/**
 * Returns the members that were asked for, in the order in which their names stand in the document, outside sealed
 * values. `null` means that the bytes are not one JSON object or array in UTF-8 (RFC 8259, with the additions of
 * Python: see `json-scalar.ts`). The scan is one pass without recursion, so the depth is bounded by memory and not by
 * the call stack.
 */
export function membersOf<Name>(bytes: Uint8Array, names: Names<Name>): readonly Member<Name>[] | null {
  const start = documentStart(bytes);
  if (bytes[start] !== OPEN_OBJECT && bytes[start] !== OPEN_ARRAY) return null;
  return new MemberScan(bytes, names).run(start);
}

/** True when the bytes are one JSON object or array, as `membersOf` reads them. */
export function isDocument(bytes: Uint8Array): boolean {
  return membersOf(bytes, { recognise: () => null, isSealed: () => false }) !== null;
}

/** Returns the offset at which a JSON text begins, after byte order mark and white space. */
export function documentStart(bytes: Uint8Array): number {
  return skipSpace(bytes, skipMark(bytes));
}

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const NONE = -1;

class MemberScan<Name> {
  private readonly bytes: Uint8Array;
  private readonly names: Names<Name>;
  private readonly members: Member<Name>[] = [];
  /**
   * For each open container: the offset at which it begins, and the index of the member whose value the scan reads in
   * it.
   */
  private readonly containers: number[] = [];
  private readonly reading: number[] = [];
  /** Number of open containers when the sealed value began. */
  private sealedAt = NONE;
  private expectsValue = true;

  constructor(bytes: Uint8Array, names: Names<Name>) {
    this.bytes = bytes;
    this.names = names;
  }

  run(start: number): readonly Member<Name>[] | null {
    let at = start;
    while (at >= 0) {
      at = this.expectsValue ? this.begin(at) : this.follow(at);
      const closed = at >= 0 && this.containers.length === 0;
      if (closed) return skipSpace(this.bytes, at) === this.bytes.length ? this.members : null;
    }
    return null;
  }

  /** Goes on at the first byte of a value. */
  private begin(at: number): number {
    const opening = this.bytes[at];
    if (opening !== OPEN_OBJECT && opening !== OPEN_ARRAY) {
      this.expectsValue = false;
      return scalarEnd(this.bytes, at);
    }
    this.containers.push(at);
    this.reading.push(NONE);
    const inside = skipSpace(this.bytes, at + 1);
    const closing = opening === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
    return this.bytes[inside] === closing ? this.close(inside) : this.element(at);
  }

  /** Goes on behind a value that stands in a container. */
  private follow(at: number): number {
    this.endMember(at);
    const next = skipSpace(this.bytes, at);
    return this.bytes[next] === COMMA ? this.element(next) : this.close(next);
  }

  private close(at: number): number {
    const opening = this.bytes[this.containers.pop() ?? NONE];
    this.reading.pop();
    this.expectsValue = false;
    const closing = opening === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
    return this.bytes[at] === closing ? at + 1 : NONE;
  }

  /** Goes on behind `{`, `[` or `,`: up to the value of the next element. */
  private element(separator: number): number {
    const object = this.containers.at(-1) ?? NONE;
    const at = skipSpace(this.bytes, separator + 1);
    this.expectsValue = true;
    if (this.bytes[object] === OPEN_ARRAY) return at;
    const end = this.bytes[at] === QUOTE ? stringEnd(this.bytes, at) : NONE;
    const colon = end < 0 ? NONE : skipSpace(this.bytes, end);
    if (this.bytes[colon] !== COLON) return NONE;
    const valueStart = skipSpace(this.bytes, colon + 1);
    if (this.sealedAt === NONE) this.beginMember(object, separator, at + 1, end - 1, valueStart);
    return valueStart;
  }

  private beginMember(
    object: number,
    separator: number,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
  ) {
    const name = this.names.recognise(this.bytes, nameStart, nameEnd);
    if (name === null) return;
    this.reading[this.reading.length - 1] = this.members.length;
    this.members.push({
      name,
      object,
      separator,
      nameStart,
      nameEnd,
      valueStart,
      valueEnd: NONE,
      flat: true,
    });
    if (this.names.isSealed(name)) this.sealedAt = this.containers.length;
  }

  private endMember(at: number) {
    const index = this.reading.at(-1) ?? NONE;
    // Not `members[-1]`: V8 takes a slow path for a negative index, and this code runs for each value.
    const member = index === NONE ? undefined : this.members[index];
    if (!member) return;
    member.valueEnd = at;
    member.flat = this.members.length === index + 1;
    this.reading[this.reading.length - 1] = NONE;
    if (this.sealedAt === this.containers.length) this.sealedAt = NONE;
  }
}

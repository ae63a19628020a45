// SPDX-License-Identifier: Apache-2.0

/**
 * What `JSON.parse(text)` answers where the engine is right, errors and their messages included.
 *
 * V8 as of Node.js 24 and 26 is not always: a name that is written with an escape is read as the name that an earlier
 * object of the same shape had in this place, when its source begins with that name's text (nodejs/node#63785). After `{"q":1,"\\":2}` it reads `{"q":1,"\n":2}` as `{"q":1,"\\":2}`. Whoever chooses names could
 * make a sound row look changed, so nothing that reads rows calls `JSON.parse` itself.
 */
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // Where no name has an escape, which is nearly always, the engine is right.
  return hasEscapedName(text) ? readValid(text) : value
}

/** True when the name of a member is written with an escape. May be true of other texts, but is never false of these. */
export function hasEscapedName(text: string): boolean {
  // Behind a name's last escape come no quote and no backslash before its end, and then the colon.
  return text.includes('\\') && /\\[^][^"\\]*"[ \t\n\r]*:/.test(text)
}

/**
 * The value of text that `JSON.parse` took. Names are handed to the engine by themselves, as strings, which it always
 * read right. No recursion: the engine takes any depth, and so must this.
 */
function readValid(text: string): unknown {
  const holders: (unknown[] | Record<string, unknown>)[] = []
  let root: unknown
  // The name that waits for its value; undefined where a name comes next.
  let name: string | undefined
  for (let at = 0; at < text.length;) {
    const first = text[at] as string
    if (' \t\n\r,:'.includes(first)) at++
    else if (first === '{' || first === '[') {
      const holder = first === '{' ? {} : []
      put(holder)
      holders.push(holder)
      at++
    } else if (first === '}' || first === ']') {
      holders.pop()
      at++
    } else {
      const end = first === '"' ? endOfString(text, at) : endOfWord(text, at)
      const scalar: unknown = JSON.parse(text.slice(at, end))
      const holder = holders.at(-1)
      if (holder === undefined || Array.isArray(holder) || name !== undefined) put(scalar)
      else name = scalar as string
      at = end
    }
  }
  return root

  function put(value: unknown): void {
    const holder = holders.at(-1)
    if (holder === undefined) root = value
    else if (Array.isArray(holder)) holder.push(value)
    else {
      // Defined, not assigned: `__proto__` is a name like any other.
      Object.defineProperty(holder, name as string, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      })
      name = undefined
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function endOfWord(text: string, start: number): number {
  let at = start
  while (at < text.length && !' \t\n\r,]}'.includes(text[at] as string)) at++
  return at
}

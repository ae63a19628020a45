// SPDX-License-Identifier: Apache-2.0

/**
 * What a terminal would execute, and a terminal or a page would hide or reorder: C0 and C1 controls, soft hyphen, zero-width and bidirectional marks,
 * line and paragraph separators, interlinear and tag characters, lone surrogates. The two joiners (U+200C, U+200D) stay
 * between letters of scripts and emoji that need them, and are shown next to ASCII, where they only serve to deceive.
 */
export const unsafeCharacters: RegExp =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]|\u034f|\p{Cs}|(?<![^\u0000-\u007f])[\u200c\u200d]|[\u200c\u200d](?![^\u0000-\u007f])/gu

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * The text with every unsafe character written out (`\n`, `\x1b`, `\u{202e}`), so that printing it moves no cursor, changes no
 * colour and reorders nothing. Rows are written by strangers; every word of one passes here on its way to a terminal.
 */
export function visible(text: string): string {
  return text.replace(unsafeCharacters, (character) => named[character] ?? escaped(character))
}

/** The same for text that has lines of its own, such as a stack or a CSV record: line ends and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(/[^\r\n\t]+/g, visible)
}

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0
  return point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u{${point.toString(16)}}`
}

/**
 * One line of JSON that parses to `value` and is safe to look at: what `JSON.stringify` leaves raw although a terminal
 * would act on it (DEL, C1, bidirectional marks, …) is written as `\uXXXX`.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafeCharacters, (character) => {
    let text = ''
    for (let unit = 0; unit < character.length; unit++) {
      text += `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`
    }
    return text
  })
}

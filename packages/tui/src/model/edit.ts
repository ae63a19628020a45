// SPDX-License-Identifier: Apache-2.0

/** A line that is being typed. */
export interface Edit {
  readonly kind: 'filter' | 'command'
  readonly text: string
  /** Where the next character goes; counts UTF-16 units, never stands within a pair. */
  readonly at: number
  /** What completion would put there, for display; empty where there is nothing to say. */
  readonly offers: readonly string[]
}

export const editOf = (kind: Edit['kind'], text: string): Edit => ({
  kind,
  text,
  at: text.length,
  offers: [],
})

/** What a line may become. Longer text is no question of a person. */
const lengthMax = 500

/** The line after a key. Printable text goes in; keys that mean nothing here change nothing. */
export function edited(edit: Edit, key: string): Edit {
  const { text, at } = edit
  const set = (next: string, place: number): Edit => ({ ...edit, text: next, at: place, offers: [] })
  const before = charactersOf(text.slice(0, at)).slice(0, -1).join('')
  switch (key) {
    case 'left':
      return { ...edit, at: before.length }
    case 'right':
      return { ...edit, at: at + (charactersOf(text.slice(at))[0]?.length ?? 0) }
    case 'home':
    case 'C-a':
      return { ...edit, at: 0 }
    case 'end':
    case 'C-e':
      return { ...edit, at: text.length }
    case 'backspace':
      return set(before + text.slice(at), before.length)
    case 'delete':
      return set(text.slice(0, at) + charactersOf(text.slice(at)).slice(1).join(''), at)
    case 'C-u':
      return set(text.slice(at), 0)
    case 'C-w': {
      const kept = text.slice(0, at).replace(/\S+\s*$/, '')
      return set(kept + text.slice(at), kept.length)
    }
    default: {
      // Names of keys are words, and what is typed is one character.
      if (charactersOf(key).length !== 1) return edit
      // What is pasted may hold anything; a line holds what can be printed.
      const typed = key.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
      if (typed === '' || text.length + typed.length > lengthMax) return edit
      return set(text.slice(0, at) + typed + text.slice(at), at + typed.length)
    }
  }
}

/** Whole characters, where a string counts halves of some. */
export const charactersOf = (text: string): readonly string[] => Array.from(text)

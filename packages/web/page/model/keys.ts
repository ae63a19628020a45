// SPDX-License-Identifier: Apache-2.0

/** Something that a key does: what the help lists and what handlers act on are this one table. */
export interface KeyAction {
  readonly action: string
  /** As `KeyboardEvent.key` says them; `Mod+` in front is Ctrl, or Command on a Mac. Any of them. */
  readonly keys: readonly string[]
  readonly does: string
}

export const keyTable = {
  Anywhere: [
    {
      action: 'palette',
      keys: ['Mod+k'],
      does: 'opens the palette: places, actions, recent questions, and anything by its id',
    },
    { action: 'help', keys: ['?'], does: 'shows the keys' },
  ],
  Question: [
    { action: 'question', keys: ['/'], does: 'goes to the question' },
    { action: 'remove', keys: ['Backspace', 'Delete'], does: 'on a part of the question: takes it away' },
  ],
  'Rows over time': [
    { action: 'earlier', keys: ['ArrowLeft'], does: 'chooses the bar before, with Shift as well' },
    { action: 'later', keys: ['ArrowRight'], does: 'chooses the next bar, with Shift as well' },
    { action: 'first', keys: ['Home'], does: 'chooses the first bar' },
    { action: 'last', keys: ['End'], does: 'chooses the last bar' },
    { action: 'narrow', keys: ['Enter'], does: 'makes the chosen bars the window' },
    { action: 'forget', keys: ['Escape'], does: 'chooses none' },
  ],
  Panes: [
    { action: 'down', keys: ['j', 'ArrowDown'], does: 'goes to the row below' },
    { action: 'up', keys: ['k', 'ArrowUp'], does: 'goes to the row above' },
    { action: 'page-down', keys: ['PageDown'], does: 'goes a page down' },
    { action: 'page-up', keys: ['PageUp'], does: 'goes a page up' },
    { action: 'top', keys: ['g', 'Home'], does: 'goes to the first row' },
    { action: 'bottom', keys: ['G', 'End'], does: 'goes to the last row that is here' },
    { action: 'next-bad', keys: ['e'], does: 'goes to the next row that failed' },
    { action: 'previous-bad', keys: ['E'], does: 'goes to the row before that failed' },
    { action: 'open', keys: ['Enter'], does: 'opens the row' },
  ],
  Investigation: [
    { action: 'next-pane', keys: ['Tab'], does: 'in a pane: gives the next one the most room' },
    { action: 'hold', keys: [' '], does: 'holds a live tail, or lets it go on' },
    { action: 'close', keys: ['Escape'], does: 'closes the open row' },
  ],
} as const satisfies Readonly<Record<string, readonly KeyAction[]>>

export type KeyScope = keyof typeof keyTable
export type ActionIn<S extends KeyScope> = (typeof keyTable)[S][number]['action']

interface Pressed {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}

/** What a press of a key means in a place; undefined for what means nothing there, which is left to the browser. */
export function actionOf<S extends KeyScope>(
  scope: S,
  { key, ctrlKey, metaKey, altKey }: Pressed,
): ActionIn<S> | undefined {
  if (altKey) return undefined
  const pressed = ctrlKey || metaKey ? `Mod+${key}` : key
  return (keyTable[scope] as readonly KeyAction[]).find(({ keys }) => keys.includes(pressed))?.action as
    | ActionIn<S>
    | undefined
}

const shown: Readonly<Record<string, string>> = {
  ' ': 'Space',
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  PageDown: 'Page Down',
  PageUp: 'Page Up',
}

/** A key as people name it, in the pieces that are pressed together. */
export const keyWords = (key: string, isMac: boolean): readonly string[] =>
  key.startsWith('Mod+') ? [isMac ? '⌘' : 'Ctrl', key.slice(4).toUpperCase()] : [shown[key] ?? key]

// SPDX-License-Identifier: Apache-2.0
import { createContext, use, useState, type ReactNode } from 'react'

/** What lies over the page: the palette, the list of keys, or nothing. */
export type Opened = 'palette' | 'help' | null

const OpeningContext = createContext<readonly [Opened, (next: Opened) => void]>([null, () => undefined])

export function OpeningProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const opening = useState<Opened>(null)
  return <OpeningContext value={opening}>{children}</OpeningContext>
}

/** What is open, and the way to open it from anywhere: a key, or a button where there is no keyboard. */
export const useOpening = (): readonly [Opened, (next: Opened) => void] => use(OpeningContext)

// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react'
import type { TimeZone } from '../model/time-zone.ts'

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark'
  readonly zone: TimeZone
  readonly density: 'close' | 'roomy'
}

const usual: Settings = { theme: 'system', zone: 'utc', density: 'close' }
const place = 'fasten.settings'

interface Held {
  readonly settings: Settings
  change(changes: Partial<Settings>): void
}

const SettingsContext = createContext<Held | undefined>(undefined)

/** What whoever looks prefers. It belongs to the browser, not to the address: a link that is passed on shows the same rows, in the other's light. */
export function SettingsProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [settings, set] = useState(kept)
  useEffect(() => {
    const { dataset } = document.documentElement
    if (settings.theme === 'system') delete dataset['theme']
    else dataset['theme'] = settings.theme
    dataset['density'] = settings.density
    localStorage.setItem(place, JSON.stringify(settings))
  }, [settings])
  const held = useMemo(
    () => ({
      settings,
      change: (changes: Partial<Settings>) => set((before) => ({ ...before, ...changes })),
    }),
    [settings],
  )
  return <SettingsContext value={held}>{children}</SettingsContext>
}

export function useSettings(): Held {
  const held = use(SettingsContext)
  if (held === undefined) throw new TypeError('useSettings is called outside of SettingsProvider')
  return held
}

/** Whatever lies there: an older page, another one, or somebody's hand may have written it. */
function kept(): Settings {
  const text = localStorage.getItem(place)
  if (text === null) return usual
  try {
    const found = readJson(text) as Partial<Record<keyof Settings, unknown>>
    return {
      theme: found.theme === 'light' || found.theme === 'dark' ? found.theme : usual.theme,
      zone: found.zone === 'local' ? 'local' : usual.zone,
      density: found.density === 'roomy' ? 'roomy' : usual.density,
    }
  } catch (error) {
    if (error instanceof SyntaxError) return usual
    throw error
  }
}

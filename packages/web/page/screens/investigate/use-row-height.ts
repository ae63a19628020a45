// SPDX-License-Identifier: Apache-2.0
import { useSyncExternalStore } from 'react'

/** How rows are set: `thumb` is two lines, for a screen that is narrow and touched. */
export type RowSetting = 'close' | 'roomy' | 'thumb'

/** Pixels; the style sheet of a line has the same. */
const heights: Readonly<Record<RowSetting, number>> = { close: 24, roomy: 32, thumb: 44 }

/** What was chosen, except where a finger could not hit it. */
export function useRowHeight(chosen: 'close' | 'roomy'): {
  readonly setting: RowSetting
  readonly height: number
} {
  const setting = useSyncExternalStore(followScreen, () => settingFor(chosen))
  return { setting, height: heights[setting] }
}

const touched = '(pointer: coarse)'
const narrow = '(width < 48rem)'

const settingFor = (chosen: 'close' | 'roomy'): RowSetting =>
  !matchMedia(touched).matches ? chosen : matchMedia(narrow).matches ? 'thumb' : 'roomy'

function followScreen(onChange: () => void): () => void {
  const media = [touched, narrow].map((query) => matchMedia(query))
  for (const each of media) each.addEventListener('change', onChange)
  return () => {
    for (const each of media) each.removeEventListener('change', onChange)
  }
}

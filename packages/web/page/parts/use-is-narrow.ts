// SPDX-License-Identifier: Apache-2.0
import { useSyncExternalStore } from 'react'

/** Narrower than 48rem, as the style sheets say it: for what a style sheet cannot decide, such as how high a line is that is placed by its number. */
export const useIsNarrow = (): boolean => useSyncExternalStore(listen, isNarrow)

const query = '(width < 48rem)'

const isNarrow = (): boolean => matchMedia(query).matches

function listen(onChange: () => void): () => void {
  const list = matchMedia(query)
  list.addEventListener('change', onChange)
  return () => list.removeEventListener('change', onChange)
}

// SPDX-License-Identifier: Apache-2.0
import {
  createContext,
  use,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react'
import { OpeningProvider } from './opening.tsx'

/** Something that the screen which is shown can do; the palette lists it. */
export interface Action {
  readonly name: string
  run(): void
}

interface Held {
  readonly actions: ReadonlyMap<string, readonly Action[]>
  set(owner: string, actions: readonly Action[] | undefined): void
}

const ActionsContext = createContext<Held | undefined>(undefined)

export function ActionsProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [actions, setActions] = useState<ReadonlyMap<string, readonly Action[]>>(new Map())
  const set = useCallback(
    (owner: string, own: readonly Action[] | undefined) =>
      setActions((before) => {
        const after = new Map(before)
        if (own === undefined) after.delete(owner)
        else after.set(owner, own)
        return after
      }),
    [],
  )
  const held = useMemo(() => ({ actions, set }), [actions, set])
  return (
    <ActionsContext value={held}>
      <OpeningProvider>{children}</OpeningProvider>
    </ActionsContext>
  )
}

/** Lists what a screen can do, for as long as it is shown. The names decide when the list is another one; what they do is always the newest. */
export function useActions(actions: readonly Action[]): void {
  const owner = useId()
  const set = use(ActionsContext)?.set
  const newest = useRef(actions)
  useEffect(() => {
    newest.current = actions
  })
  const names = actions.map(({ name }) => name).join('\n')
  useEffect(() => {
    set?.(
      owner,
      names
        .split('\n')
        .map((name) => ({ name, run: () => newest.current.find((each) => each.name === name)?.run() })),
    )
    return () => set?.(owner, undefined)
  }, [owner, names, set])
}

export const useActionList = (): readonly Action[] =>
  [...(use(ActionsContext)?.actions.values() ?? [])].flat()

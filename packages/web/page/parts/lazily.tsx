// SPDX-License-Identifier: Apache-2.0
import { Fragment, lazy, Suspense, type ComponentType, type ReactNode } from 'react'
import { Problem } from '../ask/problem.ts'
import { Failed, Waiting } from './state.tsx'

/** A component whose scripts and styles are loaded when they are wanted, so that nobody waits for what he does not look at. */
export interface LazyPart<Props extends object> {
  readonly Part: ComponentType<Props>
  /** Loads it ahead of being shown; once, however often it is called. */
  load(): void
}

/**
 * While it is loaded, `what` is told. Where it cannot be, as after the server was brought up to date, it is said, with the way on. Both stand in `Frame`,
 * for a part that has a place of its own on the screen.
 */
export function lazily<Props extends object>(
  what: string,
  load: () => Promise<ComponentType<Props>>,
  Frame: ComponentType<{ readonly children: ReactNode }> = Fragment,
): LazyPart<Props> {
  let loading: Promise<{ readonly default: ComponentType<Props> }> | undefined
  const once = (): Promise<{ readonly default: ComponentType<Props> }> => {
    loading ??= load().then(
      (Part) => ({ default: Part }),
      // A browser does not ask again for a script that failed, so trying again is loading the page.
      () => ({
        default: () => (
          <Frame>
            <Failed error={missing} onRetry={() => location.reload()} />
          </Frame>
        ),
      }),
    )
    return loading
  }
  const Loaded = lazy(once) as ComponentType<Props>
  const waiting = (
    <Frame>
      <Waiting what={what} />
    </Frame>
  )
  return {
    Part: (props) => (
      <Suspense fallback={waiting}>
        <Loaded {...props} />
      </Suspense>
    ),
    load: () => void once(),
  }
}

const missing = new Problem(0, 'PAGE_PART_MISSING', 'this part of the pages could not be loaded', {
  hint: 'the server does not answer, or has been brought up to date since: then loading the page anew helps',
})

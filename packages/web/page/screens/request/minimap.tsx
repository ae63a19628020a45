// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, type PointerEvent, type ReactNode } from 'react'
import type { WaterfallEntry } from 'fasten/reader/remote'
import type { Span } from '../../model/trace.ts'
import { drawnColour } from '../../parts/drawn-colour.ts'
import { useSettings } from '../../parts/settings.tsx'
import styles from './minimap.module.css'

/**
 * The whole trace in a strip above the bars, as wide as they are, drawn once however many rows it has; dragging over it looks at that part, a press
 * at all of it again.
 */
export function Minimap({
  entries,
  whole,
  span,
  onSpan,
}: {
  readonly entries: readonly WaterfallEntry[]
  readonly whole: Span
  readonly span: Span
  readonly onSpan: (span: Span) => void
}): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null)
  const from = useRef<number | null>(null)
  const { settings } = useSettings()
  useEffect(() => {
    const element = canvas.current
    if (element === null) return undefined
    const draw = (): void => drawEntries(element, entries, whole)
    draw()
    const sizes = new ResizeObserver(draw)
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [entries, whole.to, settings.theme])

  const timeAt = (event: PointerEvent): number => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width))
    return whole.from + share * (whole.to - whole.from)
  }
  const percent = (at: number): number => ((at - whole.from) / (whole.to - whole.from)) * 100
  return (
    <div
      className={styles['map']}
      title="Drag over a part to look at it"
      style={{ height: Math.min(56, Math.max(16, entries.length * 3)) }}
      // What it shows stands below as rows, and what it chooses has the key 0; for the eye and the pointer alone.
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        from.current = timeAt(event)
      }}
      onPointerMove={(event) => {
        if (from.current === null) return
        const to = timeAt(event)
        if (Math.abs(to - from.current) > (whole.to - whole.from) / 200)
          onSpan({ from: Math.min(from.current, to), to: Math.max(from.current, to) })
      }}
      onPointerUp={(event) => {
        if (from.current !== null && Math.abs(timeAt(event) - from.current) <= (whole.to - whole.from) / 200)
          onSpan(whole)
        from.current = null
      }}
    >
      <canvas ref={canvas} className={styles['canvas']} />
      {span.from === whole.from && span.to === whole.to ? null : (
        <span
          className={styles['window']}
          style={{ left: `${percent(span.from)}%`, width: `${percent(span.to) - percent(span.from)}%` }}
        />
      )}
    </div>
  )
}

function drawEntries(canvas: HTMLCanvasElement, entries: readonly WaterfallEntry[], whole: Span): void {
  const ratio = devicePixelRatio
  const { clientWidth: width, clientHeight: height } = canvas
  canvas.width = width * ratio
  canvas.height = height * ratio
  const context = canvas.getContext('2d')
  if (context === null) return
  const colourOf = {
    audit: drawnColour(canvas, '--audit'),
    api: drawnColour(canvas, '--api'),
    sys: drawnColour(canvas, '--sys'),
  }
  const wrong = { ok: undefined, warn: drawnColour(canvas, '--warn'), error: drawnColour(canvas, '--bad') }
  context.scale(ratio, ratio)
  const step = height / Math.max(entries.length, 1)
  const x = (at: number): number => ((at - whole.from) / (whole.to - whole.from)) * width
  entries.forEach(({ start_us, duration_us, stream, state }, index) => {
    context.fillStyle = wrong[state] ?? colourOf[stream]
    context.fillRect(
      x(start_us),
      index * step,
      Math.max(x(start_us + duration_us) - x(start_us), 1.5),
      Math.min(Math.max(step - 1, 1), 6),
    )
  })
}

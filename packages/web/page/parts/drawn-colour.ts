// SPDX-License-Identifier: Apache-2.0

/**
 * The colour of a token as it is in this theme, for a canvas that `element` holds or is: a canvas does not know what `light-dark()` comes to, an element does.
 * Asked of it without transitions: base.css gives everything a very short one where motion is unwelcome, and a colour that has just begun to change
 * reads as the one before.
 */
export function drawnColour(element: HTMLElement, token: string): string {
  const { style } = element
  style.setProperty('transition', 'none', 'important')
  style.color = `var(${token})`
  const { color } = getComputedStyle(element)
  style.removeProperty('color')
  style.removeProperty('transition')
  return color
}

// The theme of the site: VitePress's own, with the fonts of the reader's system and our colors.
import { onContentUpdated, type Theme } from "vitepress"
import DefaultTheme from "vitepress/theme-without-fonts"
import { defineComponent, h } from "vue"
import CostCalculator from "./CostCalculator.vue"
import "./style.css"

const Layout = defineComponent(() => {
  onContentUpdated(markMainContent)
  return () => h(DefaultTheme.Layout)
})

export default {
  extends: DefaultTheme,
  Layout,
  enhanceApp: ({ app }) => {
    app.component("CostCalculator", CostCalculator)
  },
} satisfies Theme

/** The layout of the home page has no main landmark, which those of other pages have. */
function markMainContent(): void {
  const content = document.getElementById("VPContent")
  if (content?.querySelector("main")) content.removeAttribute("role")
  else content?.setAttribute("role", "main")
}

// A browser that goes back shows a page as it was, whoever has logged out since.
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return
  document.body.replaceChildren()
  location.reload()
})

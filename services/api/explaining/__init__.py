"""Which facts a figure is made of, and what panes looked like with fewer of them."""

"""How a scene is drawn: a context without a window, programs, one pass for the sky and one for craft."""

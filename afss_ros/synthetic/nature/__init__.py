"""What is in space and is no spacecraft: planets, moons, rocks, the Sun, nebulae, clouds, drawn from noise alone."""

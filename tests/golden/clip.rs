// CLIP and SigLIP beside their own libraries: fixtures made by `tests/fixtures/make_clip.py` with random weights, in float64.

mod clip {
    use super::{TOLERANCE, Tested, backend, difference, golden, read, unfold};
    use std::path::PathBuf;
    use vitrine::backend::Backend;
    use vitrine::convert::{Clip, Encoder, read_encoder};
    use vitrine::model::clip::{Gelu, ImagePool, ImageTower, TextPool, TextTower};
    use vitrine::text::Tokenizer;
    use vitrine::weights::Checkpoint;

    /// What the fixture's script has encoded.
    const SEEN: [&str; 4] =
        ["red dress", "A blue-striped shirt, long sleeves!", "größer 👗", "not this one but the same in dark green leather"];

    const FAMILIES: [&str; 5] = ["clip", "siglip", "siglip2", "openclip", "openclip-siglip"];

    fn path(name: &str) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/clip", name].iter().collect()
    }

    fn open(family: &str) -> (Clip, Checkpoint) {
        let Encoder::Clip(clip) = read_encoder(&path(family)).unwrap() else { panic!("{family} is no CLIP") };
        let io = std::fs::read(path(family).with_extension("safetensors")).unwrap();
        (*clip, Checkpoint::from_bytes(&io).unwrap())
    }

    /// Relative to the largest number, since features of random weights are of any size.
    fn assert_near(what: &str, got: &[f32], expected: &[f32]) {
        let largest = expected.iter().fold(1f32, |most, x| most.max(x.abs()));
        let most = difference(got, expected) / largest;
        println!("{what}: max |Δ| = {most:.1e} of {largest}");
        assert!(most <= TOLERANCE, "{what}: expected at most {TOLERANCE}, got {most}");
    }

    fn photos(b: &Tested, clip: &Clip, io: &Checkpoint) -> Vec<f32> {
        let image = &clip.config.image;
        let patches = unfold(&golden(io, "pixels").1, image.image_size, image.patch_size);
        let n = image.grid() * image.grid();
        let rows = patches.len() / (n * image.patch_length());
        let patches = b.tensor(&patches, &[rows, n, image.patch_length()]).unwrap();
        read(b, &ImageTower::load(b, &clip.image, &clip.config).unwrap().forward(b, &patches).unwrap())
    }

    fn texts(b: &Tested, clip: &Clip, io: &Checkpoint) -> Vec<f32> {
        let length = clip.config.text.max_positions;
        let tokens = Tokenizer::from_json(&clip.tokenizer, length).unwrap().read(&SEEN).unwrap();
        let (_, theirs) = golden(io, "ids");
        for (i, ids) in tokens.ids.chunks_exact(tokens.length).enumerate() {
            let real = tokens.mask[i * tokens.length..].iter().take(tokens.length).filter(|mask| **mask == 1.0).count();
            let theirs: Vec<u32> = theirs[i * length..].iter().take(real).map(|id| *id as u32).collect();
            assert_eq!(ids[..real], theirs, "{}", SEEN[i]);
        }
        read(b, &TextTower::load(b, &clip.text, &clip.config).unwrap().forward(b, &tokens).unwrap())
    }

    fn unit(rows: &[f32], d: usize) -> Vec<Vec<f32>> {
        let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
        rows.chunks_exact(d).map(|row| row.iter().map(|x| x / length(row)).collect()).collect()
    }

    fn dot(x: &[f32], y: &[f32]) -> f32 {
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn both_towers_of_every_family() {
        let Some(b) = backend() else { return };
        for family in FAMILIES {
            let (clip, io) = open(family);
            let (image, text, d) = (photos(&b, &clip, &io), texts(&b, &clip, &io), clip.config.dimension);
            assert_near(&format!("{family}, photos"), &image, &golden(&io, "image").1);
            assert_near(&format!("{family}, texts"), &text, &golden(&io, "text").1);
            let (image, text) = (unit(&image, d), unit(&text, d));
            let pairs = text.iter().flat_map(|text| image.iter().map(|image| clip.config.logit(dot(text, image))));
            assert_near(&format!("{family}, pairs"), &pairs.collect::<Vec<_>>(), &golden(&io, "logits").1);
        }
    }

    #[test]
    fn both_towers_in_int8() {
        let Some(b) = backend() else { return };
        for family in FAMILIES {
            let (mut clip, io) = open(family);
            clip.image = clip.image.convert(vitrine::quant::Format::Q8);
            clip.text = clip.text.convert(vitrine::quant::Format::Q8);
            let d = clip.config.dimension;
            for (name, got) in [("image", photos(&b, &clip, &io)), ("text", texts(&b, &clip, &io))] {
                let pairs = unit(&got, d).into_iter().zip(unit(&golden(&io, name).1, d));
                let worst = pairs.map(|(x, y)| dot(&x, &y)).fold(1.0, f32::min);
                println!("{family}, {name} in int8: cosine ≥ {worst:.5}");
                assert!(worst >= 0.999, "{family}, {name}: {worst}");
            }
        }
    }

    #[test]
    fn what_no_shape_says_is_read_from_the_configuration() {
        let of = |family: &str| {
            let (clip, _) = open(family);
            let (image, text) = (clip.config.image, clip.config.text);
            ((image.stack.activation, image.pool, image.pre_norm), (text.stack.activation, text.causal, text.pool))
        };
        use Gelu::{Erf, Quick, Tanh};
        use ImagePool::{Attention, Class};
        assert_eq!(of("clip"), ((Quick, Class, true), (Quick, true, TextPool::Largest)));
        assert_eq!(of("openclip"), ((Erf, Class, true), (Erf, true, TextPool::Largest)));
        for family in ["siglip", "siglip2"] {
            assert_eq!(of(family), ((Tanh, Attention, false), (Tanh, false, TextPool::Last)));
        }
        assert_eq!(of("openclip-siglip"), ((Erf, Attention, false), (Tanh, false, TextPool::Last)));
    }
}
